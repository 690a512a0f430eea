// Keeps a page as new as what it shows. Without this script everything can be read and decided.
"use strict";

const told = document.getElementById("said");
const away = document.getElementById("part-away");
const LOST = "The connection is lost; it is tried again.";
const LOST_AFTER = 4000;
const AGAIN_AFTER = 3000;

function elapsed(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole}\u00a0s`;
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}\u00a0m\u00a0${two(whole % 60)}\u00a0s`;
  return `${Math.floor(minutes / 60)}\u00a0h\u00a0${two(minutes % 60)}\u00a0m`;
}

function tick() {
  const now = Date.now() / 1000;
  for (const place of document.querySelectorAll("[data-since]")) {
    place.textContent = elapsed(now - Number(place.dataset.since));
  }
}

function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const hasDay = /\d{4}-/.test(time.textContent);
    const clock = { hour: "2-digit", minute: "2-digit", second: hasDay ? undefined : "2-digit" };
    const day = hasDay ? { year: "numeric", month: "short", day: "numeric" } : {};
    time.textContent = at.toLocaleString(undefined, { ...day, ...clock, hour12: false });
    time.title = time.dateTime;
  }
}

// What a person has typed, opened or reached stays as it is.
function replace(place, html) {
  const open = [...place.querySelectorAll("details[open][id]")].map((each) => each.id);
  const typed = new Map();
  for (const field of place.querySelectorAll("input[id], select[id], textarea[id]")) {
    typed.set(field.id, field.value);
  }
  const active = place.contains(document.activeElement) ? document.activeElement.id : "";
  place.innerHTML = html;
  localise(place);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  for (const [id, value] of typed) {
    const field = document.getElementById(id);
    if (field && value) field.value = value;
  }
  if (active) document.getElementById(active)?.focus({ preventScroll: true });
}

function banner(text) {
  if (!away || away.dataset.text === text) return;
  away.dataset.text = text;
  away.replaceChildren();
  if (!text) return;
  const line = document.createElement("p");
  line.className = "banner bad";
  line.setAttribute("role", "alert");
  line.textContent = text;
  away.append(line);
}

// The gateway answers, but not with news: either nobody is signed in any more, or it is in trouble.
async function refused(address) {
  let status = 0;
  try {
    const abort = new AbortController();
    status = (await fetch(address, { signal: abort.signal })).status;
    abort.abort();
  } catch {
    status = 0;
  }
  if (status === 401 || status === 403) {
    banner("Your session is over. Load the page again to sign in.");
    return;
  }
  banner(LOST);
  setTimeout(() => follow(address), AGAIN_AFTER);
}

function follow(address) {
  const source = new EventSource(address);
  let lost;
  source.addEventListener("open", () => {
    clearTimeout(lost);
    lost = undefined;
    banner("");
    document.body.dataset.following = "yes";
  });
  source.addEventListener("show", (event) => {
    const parts = JSON.parse(event.data);
    for (const [id, html] of Object.entries(parts)) {
      const place = document.getElementById(id);
      if (place) replace(place, html);
    }
    tick();
  });
  source.addEventListener("say", (event) => {
    if (told) told.textContent = event.data;
  });
  source.addEventListener("error", () => {
    delete document.body.dataset.following;
    if (source.readyState === EventSource.CLOSED) {
      clearTimeout(lost);
      refused(address);
    } else {
      lost ??= setTimeout(() => banner(LOST), LOST_AFTER);
    }
  });
  window.addEventListener("pagehide", () => source.close());
}

localise(document);
tick();
setInterval(tick, 1000);
if (document.body.dataset.live) follow(document.body.dataset.live);
document.getElementById("refusal")?.scrollIntoView({ block: "nearest" });
