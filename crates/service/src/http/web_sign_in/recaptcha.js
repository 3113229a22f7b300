// Gets a token of reCAPTCHA v3 when the form is sent: one made earlier would be too old by then.
"use strict";

const answer = document.getElementById("recaptcha");
const form = answer.form;

function say(text) {
  document.getElementById("check-said").textContent = text;
}

form.addEventListener("submit", (event) => {
  if (answer.value) return;
  event.preventDefault();
  if (typeof grecaptcha === "undefined") {
    say("The check can’t be loaded. Use ours instead.");
    return;
  }
  say("One moment: you are being checked.");
  const { siteKey, action } = answer.dataset;
  grecaptcha.ready(() => {
    grecaptcha.execute(siteKey, { action }).then(
      (token) => {
        answer.value = token;
        form.submit();
      },
      () => say("The check has failed. Use ours instead."),
    );
  });
});
