// Load balancing: sends requests to the API and counts the responses of each replica.
// The script in index.html runs first. It defines api, byId, ask, isReplica and showRoute.

// counts: how many responses each replica has sent, by name, in the order of appearance.
// latest: the names of the replicas that sent the last 40 responses, newest last.
const newRecord = () => ({ counts: new Map(), latest: [], failed: 0 });
let record = newRecord();

// ---- Show the record ----

function element(tag, attributes, ...content) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...content);
  return made;
}

// The first replica gets the letter A and the colour r0, the second one B and r1, and so on.
function look(name) {
  const index = [...record.counts.keys()].indexOf(name);
  return { letter: String.fromCharCode(65 + (index % 26)), colour: `r${index % 8}` };
}

function row(name, responses) {
  const { letter, colour } = look(name);
  const count = record.counts.get(name);
  const share = `${((count / responses) * 100).toFixed(1)}%`;
  return element(
    "tr",
    // The stylesheet draws a bar of this length.
    { class: colour, style: `--share: ${share}`, "data-replica": name },
    element("th", { scope: "row" }, element("b", {}, letter), ` ${name}`),
    element("td", { class: "count" }, count),
    element("td", {}, share),
  );
}

function cell(name) {
  if (!name) return element("li", {});
  const { letter, colour } = look(name);
  return element("li", { class: colour, "data-replica": name }, letter);
}

function draw() {
  const { counts, latest, failed } = record;
  const responses = [...counts.values()].reduce((sum, count) => sum + count, 0);
  byId("total").textContent = responses + failed;
  byId("failed").textContent = failed;
  const rows = [...counts.keys()].map((name) => row(name, responses));
  document.querySelector("#counts tbody").replaceChildren(...rows);
  byId("strip").replaceChildren(...Array.from({ length: 40 }, (_, index) => cell(latest[index])));
  const changes = latest.filter((name, index) => index > 0 && name !== latest[index - 1]).length;
  byId("handovers").textContent =
    latest.length < 2
      ? "In the order in which they arrive."
      : `${changes} of ${latest.length - 1} consecutive responses came from a different replica.`;
}

function say(text) {
  // Writing the same text again would make screen readers repeat it.
  if (byId("lab-note").textContent !== text) byId("lab-note").textContent = text;
}

// ---- Send requests ----

async function sendOne() {
  const mine = record;
  const { status, servedBy } = await ask(api);
  if (mine !== record) return; // Reset has started a new record.
  if (status === 200 && isReplica(servedBy)) {
    mine.counts.set(servedBy, (mine.counts.get(servedBy) ?? 0) + 1);
    mine.latest = [...mine.latest, servedBy].slice(-40);
  } else {
    mine.failed += 1;
    say(`A request failed: ${status}, served by ${servedBy}.`);
  }
  showRoute(servedBy);
  draw();
}

async function sendBurst() {
  const button = byId("send-burst");
  // A button that is really disabled would lose the keyboard's focus.
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  say("Sending 100 requests …");
  const mine = record;
  const failedBefore = mine.failed;
  const start = performance.now();
  let left = 100;
  // Each lane sends its next request when it has received the response to the last one.
  const lane = async () => {
    while (left > 0 && mine === record) {
      left -= 1;
      await sendOne();
    }
  };
  await Promise.all(Array.from({ length: Number(byId("lanes").value) }, lane));
  button.ariaDisabled = "false";
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  const failed = mine.failed - failedBefore;
  if (mine === record) say(`Sent 100 requests in ${seconds} s. ${failed} failed.`);
}

// ---- The stream: up to four requests per second while the tab is visible ----

let streaming = false;
let waiting = false;

async function streamOne() {
  // A slow API gets the next request when it has responded to the last one.
  if (!streaming || waiting || document.hidden) return;
  waiting = true;
  await sendOne();
  waiting = false;
}

function toggleStream() {
  streaming = !streaming;
  byId("stream").ariaPressed = streaming;
  say(streaming ? "Streaming: four requests per second." : "The stream is off.");
}

function reset() {
  record = newRecord();
  say("All counts are zero.");
  draw();
}

byId("send-one").addEventListener("click", sendOne);
byId("send-burst").addEventListener("click", sendBurst);
byId("stream").addEventListener("click", toggleStream);
byId("reset").addEventListener("click", reset);
setInterval(streamOne, 250);
draw();
