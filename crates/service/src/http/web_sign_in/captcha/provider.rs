//! The part of the page that shows a captcha of somebody else's. What it loads from there, the page's policy allows
//! where such a captcha is configured, and nowhere else.

use maud::html;

use super::Check;
use crate::{
    captcha::siteverify::{ACTION, Siteverify},
    config::Provider,
    http::page::{Allowed, Origins},
};

const GOOGLE: Origins = Origins {
    scripts: " https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/",
    frames: " https://www.google.com/recaptcha/ https://recaptcha.google.com/recaptcha/",
    styles: "",
    connections: " https://www.google.com/recaptcha/",
};

const HCAPTCHA: Origins = Origins {
    scripts: " https://hcaptcha.com https://*.hcaptcha.com",
    frames: " https://hcaptcha.com https://*.hcaptcha.com",
    styles: " https://hcaptcha.com https://*.hcaptcha.com",
    connections: " https://hcaptcha.com https://*.hcaptcha.com",
};

const CLOUDFLARE: Origins = Origins {
    scripts: " https://challenges.cloudflare.com",
    frames: " https://challenges.cloudflare.com",
    styles: "",
    connections: "",
};

/// `query` names where the sign-in leads to.
pub(super) fn check(siteverify: &Siteverify, query: &str) -> Check {
    let (provider, key) = (siteverify.provider, siteverify.site_key.as_str());
    let content = html! {
        div.check {
            @match provider {
                Provider::RecaptchaV2 => { div.g-recaptcha data-sitekey=(key) {} }
                Provider::Hcaptcha => { div.h-captcha data-sitekey=(key) {} }
                Provider::Turnstile => { div.cf-turnstile data-sitekey=(key) data-action=(ACTION) {} }
                Provider::RecaptchaV3 => {
                    p #check-said role="status" {}
                    input #recaptcha type="hidden" name="g-recaptcha-response" data-site-key=(key)
                        data-action=(ACTION);
                }
            }
            noscript { p { "This check needs JavaScript; our own does not." } }
            p.quiet { "The check comes from " (name(provider)) ", which learns your address and browser from it." }
            p { a href={ "/sign-in?captcha=embedded&return=" (query) } { "Use ours instead" } }
        }
        @if provider == Provider::RecaptchaV3 {
            script src="/sign-in/recaptcha.js" defer {}
        }
        script src=(script(provider, key)) async defer {}
    };
    let allowed = Allowed { scripts: true, pictures: false, elsewhere: Some(origins(provider)) };
    Check { content, allowed, ..Check::default() }
}

fn name(provider: Provider) -> &'static str {
    match provider {
        Provider::RecaptchaV2 | Provider::RecaptchaV3 => "Google (reCAPTCHA)",
        Provider::Hcaptcha => "hCaptcha",
        Provider::Turnstile => "Cloudflare (Turnstile)",
    }
}

fn script(provider: Provider, key: &str) -> String {
    match provider {
        Provider::RecaptchaV2 => "https://www.google.com/recaptcha/api.js".to_owned(),
        Provider::RecaptchaV3 => format!("https://www.google.com/recaptcha/api.js?render={key}"),
        Provider::Hcaptcha => "https://js.hcaptcha.com/1/api.js".to_owned(),
        Provider::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/api.js".to_owned(),
    }
}

fn origins(provider: Provider) -> &'static Origins {
    match provider {
        Provider::RecaptchaV2 | Provider::RecaptchaV3 => &GOOGLE,
        Provider::Hcaptcha => &HCAPTCHA,
        Provider::Turnstile => &CLOUDFLARE,
    }
}
