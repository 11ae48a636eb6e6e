#!/bin/sh
# Prints what the official entrypoint prints if it can't change default.conf, and starts Nginx.
# Another command starts without that output.
if [ "$1" = nginx ]; then
  here=/docker-entrypoint.sh
  echo "$here: /docker-entrypoint.d/ is not empty, will attempt to perform configuration"
  echo "$here: Looking for shell scripts in /docker-entrypoint.d/"
  echo "$here: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh"
  printf '%s: info: can not modify %s (read-only file system?)\n' \
    10-listen-on-ipv6-by-default.sh /etc/nginx/conf.d/default.conf
  echo "$here: Sourcing /docker-entrypoint.d/15-local-resolvers.envsh"
  echo "$here: Launching /docker-entrypoint.d/20-envsubst-on-templates.sh"
  echo "$here: Launching /docker-entrypoint.d/30-tune-worker-processes.sh"
  echo "$here: Configuration complete; ready for start up"
fi
exec "$@"
