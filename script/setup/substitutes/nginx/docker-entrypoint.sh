#!/bin/sh
# Reports what the official entrypoint reports with a default.conf that it can't change, then
# starts Nginx. Other commands start without a report.
if [ "$1" = nginx ]; then
  here=/docker-entrypoint.sh
  echo "$here: /docker-entrypoint.d/ is not empty, will attempt to perform configuration"
  echo "$here: Looking for shell scripts in /docker-entrypoint.d/"
  echo "$here: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh"
  echo "10-listen-on-ipv6-by-default.sh: info: can not modify /etc/nginx/conf.d/default.conf (read-only file system?)"
  echo "$here: Sourcing /docker-entrypoint.d/15-local-resolvers.envsh"
  echo "$here: Launching /docker-entrypoint.d/20-envsubst-on-templates.sh"
  echo "$here: Launching /docker-entrypoint.d/30-tune-worker-processes.sh"
  echo "$here: Configuration complete; ready for start up"
fi
exec "$@"
