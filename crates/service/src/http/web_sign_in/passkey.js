// Asks the browser for a passkey (W3C Web Authentication) when the page's form is sent, and sends along what it says.
"use strict";

const form = document.getElementById("passkey");

function say(text) {
  document.getElementById("passkey-said").textContent = text;
}

function toBytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function toText(buffer) {
  const plain = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return plain.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** What was asked for, with bytes where the browser wants bytes. */
function options() {
  const asked = JSON.parse(form.dataset.options);
  asked.challenge = toBytes(asked.challenge);
  if (asked.user) asked.user.id = toBytes(asked.user.id);
  for (const known of [...(asked.excludeCredentials ?? []), ...(asked.allowCredentials ?? [])])
    known.id = toBytes(known.id);
  return asked;
}

async function create(publicKey) {
  const { response } = await navigator.credentials.create({ publicKey });
  return { client_data: response.clientDataJSON, attestation_object: response.attestationObject };
}

async function get(publicKey) {
  const { rawId, response } = await navigator.credentials.get({ publicKey });
  return {
    credential: rawId,
    client_data: response.clientDataJSON,
    authenticator_data: response.authenticatorData,
    signature: response.signature,
    user: response.userHandle ?? new ArrayBuffer(0),
  };
}

function why({ name }) {
  switch (name) {
    case "InvalidStateError":
      return "That passkey is set up already. Choose another device.";
    case "SecurityError":
      return `Passkeys work at ${form.dataset.origin} only.`;
    case "NotAllowedError":
      return "No passkey was given: it was cancelled, took too long, or there is none here. Try again.";
    default:
      return "This browser can’t do that.";
  }
}

async function send(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  say("Your browser asks for the passkey now.");
  try {
    const asked = options();
    const given = await (asked.user ? create(asked) : get(asked));
    for (const [name, value] of Object.entries(given)) form.elements[name].value = toText(value);
    form.submit();
  } catch (error) {
    button.disabled = false;
    say(why(error));
  }
}

if (window.PublicKeyCredential) {
  form.hidden = false;
  form.addEventListener("submit", send);
} else {
  say("This browser knows no passkeys.");
}
