"use strict";
// Reads the state every two seconds and shows it. All of it goes in as text, never as markup.

const EVERY_MS = 2000;
const $ = (id) => document.getElementById(id);

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

const code = (text, title = text) => Object.assign(element("code", text), { title });
const clock = (seconds) => (seconds ? new Date(seconds * 1000).toLocaleString() : "–");
const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);
const number = (value) => (value ?? 0).toLocaleString();

function figures(id, pairs) {
  $(id).replaceChildren(
    ...pairs.map(([name, value, isBad]) => {
      const box = element("div");
      box.append(element("dt", name), element("dd", typeof value === "number" ? number(value) : value, isBad ? "bad" : ""));
      return box;
    }),
  );
}

function list(id, texts) {
  $(id).replaceChildren(...texts.map((text) => element("li", text)));
}

function rows(id, cells, empty) {
  const made = cells.map((row) => {
    const line = element("tr");
    for (const cell of row) {
      const box = element("td", cell instanceof Node ? "" : String(cell), typeof cell === "number" ? "number" : "");
      if (cell instanceof Node) box.append(cell);
      line.append(box);
    }
    return line;
  });
  if (!made.length) {
    const line = element("tr");
    line.append(Object.assign(element("td", empty), { colSpan: 9 }));
    made.push(line);
  }
  $(id).tBodies[0].replaceChildren(...made);
}

function chart(id, counts, bounds) {
  const most = Math.max(1, ...counts);
  $(id).replaceChildren(
    ...counts.map((count, place) => {
      const bound = bounds[place] ?? bounds[bounds.length - 1];
      const name = place < bounds.length ? "≤" : ">";
      const bar = element("div");
      const fill = element("i");
      fill.style.height = `${(100 * count) / most}%`;
      bar.title = `${name} ${bound} ms: ${count}`;
      bar.append(fill, element("span", `${name === ">" ? ">" : ""}${bound >= 1000 ? bound / 1000 + "s" : bound}`));
      return bar;
    }),
  );
  $(id).setAttribute("role", "img");
  $(id).setAttribute("aria-label", counts.map((count, place) => `${bounds[place] ?? "longer"} ms: ${count}`).join(", "));
}

function showReadiness({ ready, parts, notes }) {
  $("ready").textContent = ready ? "ready" : "not ready";
  $("ready").className = `state ${ready ? "fine" : "bad"}`;
  const wrong = Object.entries(parts).filter(([, state]) => state !== "ok");
  list("parts", [...wrong, ...Object.entries(notes)].map(([name, why]) => `${name}: ${why}`));
}

function show(state) {
  const { recent, scale, streams, outbox, policies } = state;
  $("version").textContent = state.about.version;
  showReadiness(state.readiness);
  for (const each of document.querySelectorAll(".window")) each.textContent = `last ${scale.window_seconds / 60} minutes`;
  figures("streams", [
    ["open", streams.open],
    ["ended", total(recent.ended)],
    ["redacted", recent.done.redact ?? 0],
    ["blocked", recent.ended.blocked ?? 0, recent.ended.blocked > 0],
    ["failed", recent.ended.failed ?? 0, recent.ended.failed > 0],
    ["passed unread", recent.unread, recent.unread > 0],
    ["faults", total(recent.faults), total(recent.faults) > 0],
  ]);
  const busiest = Object.entries(recent.rules).sort((one, other) => total(other[1]) - total(one[1])).slice(0, 10);
  rows(
    "rules",
    busiest.map(([rule, done]) => [rule, done.block ?? 0, done.redact ?? 0, total(done) - (done.block ?? 0) - (done.redact ?? 0)]),
    "No rule acted.",
  );
  chart("held", recent.held, scale.bounds_ms);
  chart("first", recent.first, scale.bounds_ms);
  list("errors", policies.errors.map((error) => `Not taken, the last good one stays: ${error}`));
  rows(
    "policies",
    policies.loaded.map((each) => [each.name, each.version, each.rules, clock(each.since), code(each.digest.slice(0, 12), each.digest), each.source]),
    "No policy is loaded.",
  );
  figures("queue", [["segments waiting", state.queue.depth]]);
  list("models", policies.models.length ? policies.models : ["No policy asks a model."]);
  $("publishing").hidden = !outbox.note;
  $("publishing").textContent = outbox.note ?? "";
  figures("outbox", [
    ["waiting", outbox.waiting],
    ["lost", outbox.lost, outbox.lost > 0],
    ["in memory only", outbox.in_memory, outbox.in_memory > 0],
    ...("published" in outbox
      ? [["published", outbox.published], ["refused", outbox.refused, outbox.refused > 0], ["last published", clock(outbox.last_published)]]
      : [["sink", "none"]]),
  ]);
  rows(
    "sinks",
    (outbox.sinks ?? []).map((each) => [each.name, each.waiting, each.published, each.refused, each.lost, each.last_published ? clock(each.last_published) : "–", each.note || "–"]),
    "No sink: events stay in the outbox.",
  );
  rows(
    "latest",
    state.latest.map((each) => [
      new Date(each.time).toLocaleTimeString(),
      `${each.policy} / ${each.rule}`,
      each.failure ? `no answer in time or an error (${each.failure})` : each.label,
      each.action + (each.shadow ? " (shadow)" : ""),
      each.session || "–",
      code(each.stream),
    ]),
    "None yet.",
  );
}

async function poll() {
  try {
    const answer = await fetch("console/state", { cache: "no-store" });
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    show(await answer.json());
    $("stale").hidden = true;
  } catch (error) {
    $("stale").hidden = false;
    $("stale").textContent = `The service cannot be asked just now (${error.message}); what stands below is old.`;
  }
  setTimeout(poll, EVERY_MS);
}

function told(each) {
  const where = `${each.where}; ${each.time}`;
  const what = each.failure
    ? `Nothing was found in the text: the detector gave no answer (${each.failure}), and the rule stops what it cannot look at.`
    : `Found: ${each.label}${each.reason ? ` (${each.reason})` : ""}.`;
  const entry = element("div");
  entry.append(element("p", `${each.action}: rule ${each.rule} of policy ${each.policy}, severity ${each.severity}`), element("p", what), element("p", where));
  return entry;
}

$("stopped").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = $("stream").value.trim();
  if (!name) return;
  try {
    const answer = await fetch(`console/stops/${encodeURIComponent(name)}`, { cache: "no-store" });
    const found = (await answer.json()).found;
    const nothing = "No rule acted on it, or it is too long ago: only the latest streams since the start are remembered. The violation topic has them all.";
    $("answer").replaceChildren(...(found.length ? found.map(told) : [element("p", nothing)]));
  } catch (error) {
    $("answer").replaceChildren(element("p", `The service cannot be asked just now (${error.message}).`));
  }
});

poll();
