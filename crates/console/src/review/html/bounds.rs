//! How much of an HTML text can be built into a tree in bounds. What is left open is opened again in each block that
//! follows, so that a small text can make a tree of billions of elements; and each tag may look at all that are open.

/// Elements of the tree.
const ELEMENTS: usize = 500_000;
/// Looks at open elements.
const LOOKS: usize = 200_000_000;

/// What is opened again in the next block until it is closed.
const FORMATS: [&str; 14] =
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
/// What keeps the formats within it apart from those around it.
const APART: [&str; 7] = ["applet", "caption", "marquee", "object", "td", "template", "th"];
/// What holds nothing, or is closed by the next of its kind.
const SHORT: [&str; 14] =
    ["area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "p"];

/// The formats that are open within one of [`APART`], or outside of all.
struct Within {
    name: Option<usize>,
    open: [usize; FORMATS.len()],
    /// Elements that were open before it.
    before: usize,
}

/// The beginning of the text that stays in bounds.
pub fn bounded(html: &str) -> &str {
    let mut nested = vec![Within { name: None, open: [0; FORMATS.len()], before: 0 }];
    let (mut formats, mut open, mut elements, mut looks) = (0_usize, 0_usize, 0_usize, 0_usize);
    for (at, _) in html.match_indices('<') {
        let (closes, name) = tag(&html[at + 1..]);
        if name.is_empty() {
            continue;
        }
        let format = position(&FORMATS, name);
        let apart = position(&APART, name);
        let Some(within) = nested.last_mut() else { break };
        if closes {
            open -= usize::from(open > 0 && position(&SHORT, name).is_none());
            if let Some(format) = format.filter(|format| within.open[*format] > 0) {
                within.open[format] -= 1;
                formats -= 1;
            }
            if apart.is_some() && within.name == apart {
                formats -= within.open.iter().sum::<usize>();
                open = open.min(within.before);
                nested.pop();
            }
        } else {
            if let Some(format) = format {
                within.open[format] += 1;
                formats += 1;
            }
            if apart.is_some() {
                nested.push(Within { name: apart, open: [0; FORMATS.len()], before: open });
            }
            open += usize::from(position(&SHORT, name).is_none());
        }
        elements += 1 + formats;
        looks += open;
        if elements > ELEMENTS || looks > LOOKS {
            return &html[..at];
        }
    }
    html
}

/// Whether a tag closes, and its name.
fn tag(text: &str) -> (bool, &str) {
    let (closes, text) = text.strip_prefix('/').map_or((false, text), |text| (true, text));
    let end = text.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(text.len());
    (closes, &text[..end])
}

fn position(names: &[&str], name: &str) -> Option<usize> {
    names.iter().position(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_stays_whole_and_what_explodes_is_cut() {
        let row =
            "<tr><td><p><font size=2><b>Text</b> and <a href=x>a link</a></font><br><img src=y></td></tr>";
        let letter = format!("<table>{}</table>", row.repeat(9_000));
        assert_eq!(bounded(&letter).len(), letter.len());
        let unclosed = "<p><font color=red>text".repeat(500);
        assert_eq!(bounded(&unclosed).len(), unclosed.len());
        let formats: Vec<_> = (0..2_000).map(|number| format!("<b id={number}>")).collect();
        let formats = formats.concat();
        for bomb in [
            format!("{formats}{}", "<p>x".repeat(100_000)),
            format!("{}{}", "<b><table><td></b></td></table>".repeat(2_000), "<p>x".repeat(100_000)),
            "<div>".repeat(200_000),
        ] {
            assert!(bounded(&bomb).len() < bomb.len() / 2, "{}", bounded(&bomb).len());
        }
    }
}
