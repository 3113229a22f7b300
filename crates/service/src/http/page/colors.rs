//! The organization's color on pages for strangers: as it is where it can be read, else as dark or light as it must be.
//!
//! Contrast as WCAG 2.2 defines it, of at least 4.5 to the page (success criterion 1.4.3), on a light page and on a dark
//! one.

use std::fmt::Write as _;

use mailcup_wire::Color;

/// The pages' own backgrounds.
const LIGHT: Rgb = Rgb([0xff, 0xff, 0xff]);
const DARK: Rgb = Rgb([0x17, 0x17, 0x1a]);

/// What stands on an accent that is readable on a dark page.
const ON_DARK: &str = "#10131c";

const ENOUGH: f64 = 4.5;

/// Steps from a color to black or white.
const STEPS: u8 = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rgb([u8; 3]);

/// A style sheet that gives pages this accent.
pub fn style(accent: &Color) -> Option<String> {
    let own = Rgb::read(accent)?;
    let light = own.readable_on(LIGHT, Rgb([0; 3]));
    let dark = own.readable_on(DARK, Rgb([0xff; 3]));
    Some(format!(
        ":root{{--accent:{light};--on-accent:#fff}}\
         @media(prefers-color-scheme:dark){{:root{{--accent:{dark};--on-accent:{ON_DARK}}}}}",
        light = light.text(),
        dark = dark.text(),
    ))
}

/// A color as it is kept; none if it is no color.
pub fn checked(accent: &Color) -> Option<Color> {
    Rgb::read(accent).map(|color| Color(color.text()))
}

impl Rgb {
    fn read(color: &Color) -> Option<Self> {
        let digits = color.0.trim().strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    fn text(self) -> String {
        self.0.iter().fold("#".to_owned(), |mut text, part| {
            // Writing to a string never fails.
            let _ = write!(text, "{part:02x}");
            text
        })
    }

    /// This color, or the next one on the way to `end` that can be read.
    fn readable_on(self, page: Self, end: Self) -> Self {
        let steps = (0..=STEPS).map(|step| self.towards(end, step));
        steps.into_iter().find(|color| color.contrast(page) >= ENOUGH).unwrap_or(end)
    }

    fn towards(self, end: Self, step: u8) -> Self {
        let [from, to] = [self, end].map(|color| color.0.map(u16::from));
        let step = u16::from(step);
        let all = u16::from(STEPS);
        let part = |at: usize| (from[at] * (all - step) + to[at] * step) / all;
        // A mean of two bytes is one.
        Self([0, 1, 2].map(|at| u8::try_from(part(at)).unwrap_or(u8::MAX)))
    }

    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Rgb {
        Rgb::read(&Color(text.to_owned())).unwrap()
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((read("#000000").contrast(read("#ffffff")) - 21.0).abs() < 1e-9);
        // The best known gray that passes on white, and the one beside it that does not.
        assert!(read("#767676").contrast(read("#ffffff")) >= 4.5);
        assert!(read("#777777").contrast(read("#ffffff")) < 4.5);
    }

    #[test]
    fn every_color_can_be_read_on_both_pages() {
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let own = Rgb([red, green, blue]);
                    let light = own.readable_on(LIGHT, Rgb([0; 3]));
                    let dark = own.readable_on(DARK, Rgb([0xff; 3]));
                    assert!(light.contrast(LIGHT) >= ENOUGH, "{own:?} {light:?}");
                    assert!(dark.contrast(DARK) >= ENOUGH, "{own:?} {dark:?}");
                    assert!(dark.contrast(read(ON_DARK)) >= ENOUGH, "{own:?} {dark:?}");
                }
            }
        }
    }

    #[test]
    fn a_readable_color_stays_as_it_is() {
        let style = style(&Color("#2457C5".to_owned())).unwrap();
        assert!(style.starts_with(":root{--accent:#2457c5;--on-accent:#fff}"), "{style}");
    }

    #[test]
    fn what_is_no_color_never_gets_into_a_style() {
        for wrong in ["", "#12345", "#1234567", "123456", "#12345g", "red", "#123456}a{", "#１２３４５６"]
        {
            assert_eq!(checked(&Color(wrong.to_owned())), None, "{wrong}");
            assert_eq!(style(&Color(wrong.to_owned())), None, "{wrong}");
        }
        assert_eq!(checked(&Color(" #ABCDEF".to_owned())), Some(Color("#abcdef".to_owned())));
    }
}
