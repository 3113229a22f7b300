// Solves a proof of work (ALTCHA's protocol, version 1) in a worker, while somebody types: finds the number that, after
// the salt, has the SHA-256 that the challenge names. One file: the page's part, and the worker's.
"use strict";

/** The first 32 bits of the fractions of `root` of the first primes, as SHA-256 wants them. */
function fractions(count, root) {
  const found = [];
  for (let n = 2; found.length < count; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (prime) found.push(((n ** root % 1) * 2 ** 32) | 0);
  }
  return found;
}

const BEGIN = new Int32Array(fractions(8, 1 / 2));
const ROUNDS = new Int32Array(fractions(64, 1 / 3));
const schedule = new Int32Array(64);

/** Takes a block of 64 bytes into the state. */
function compress(state, bytes, at) {
  const w = schedule;
  for (let i = 0; i < 16; i++) {
    const j = at + 4 * i;
    w[i] = (bytes[j] << 24) | (bytes[j + 1] << 16) | (bytes[j + 2] << 8) | bytes[j + 3];
  }
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15];
    const y = w[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
  }
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i] + w[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

/** The number from 0 to `maxnumber` that solves the challenge; null if none does. */
function solve({ challenge, salt, maxnumber }) {
  const wanted = new Int32Array(8);
  for (let i = 0; i < 8; i++) wanted[i] = parseInt(challenge.slice(8 * i, 8 * i + 8), 16) | 0;
  const head = new TextEncoder().encode(salt);
  const whole = head.length - (head.length % 64);
  const begun = new Int32Array(BEGIN);
  for (let at = 0; at < whole; at += 64) compress(begun, head, at);
  const rest = head.subarray(whole);
  const block = new Uint8Array(128);
  const state = new Int32Array(8);
  for (let number = 0; number <= maxnumber; number++) {
    const digits = String(number);
    const end = rest.length + digits.length;
    block.fill(0);
    block.set(rest);
    for (let i = 0; i < digits.length; i++) block[rest.length + i] = digits.charCodeAt(i);
    block[end] = 0x80;
    const size = end + 9 <= 64 ? 64 : 128;
    const bits = (whole + end) * 8;
    block[size - 3] = bits >>> 16;
    block[size - 2] = bits >>> 8;
    block[size - 1] = bits;
    state.set(begun);
    for (let at = 0; at < size; at += 64) compress(state, block, at);
    if (state[0] === wanted[0] && state.every((word, i) => word === wanted[i])) return number;
  }
  return null;
}

/** Solves the page's challenge, and holds its form back until it is solved. */
function begin() {
  const check = document.getElementById("check");
  const answer = document.getElementById("altcha");
  const form = answer.form;
  const challenge = JSON.parse(check.dataset.challenge);
  let state = "works";
  let held = false;

  function say(text) {
    document.getElementById("check-said").textContent = text;
  }

  function fail() {
    state = "failed";
    say("The check can’t run in this browser.");
  }

  form.addEventListener("submit", (event) => {
    if (state !== "works") return;
    event.preventDefault();
    held = true;
    say("One moment: the check is not done yet. Your sign-in then goes on by itself.");
  });

  check.hidden = false;
  say("Your browser works on a small task, to show that this is no mass guessing. You need not do anything.");
  let worker;
  try {
    worker = new Worker(document.querySelector("script[src]").src);
  } catch {
    fail();
    return;
  }
  worker.onerror = fail;
  worker.onmessage = ({ data: number }) => {
    worker.terminate();
    if (number === null) {
      fail();
      return;
    }
    const { algorithm, challenge: hash, salt, signature } = challenge;
    answer.value = btoa(JSON.stringify({ algorithm, challenge: hash, number, salt, signature }));
    state = "solved";
    say("Check passed.");
    if (held) form.requestSubmit();
  };
  worker.postMessage(challenge);
}

if (typeof document === "undefined") {
  self.onmessage = ({ data: challenge }) => self.postMessage(solve(challenge));
} else {
  begin();
}
