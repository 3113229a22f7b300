//! Authentication-Results headers (RFC 8601): what a mail server found of a message's sender.

use mailcup_wire::desktop::AuthenticationResult;

/// More methods than any server states.
const MOST: usize = 32;

/// What one header says. What isn't understood is left out.
pub fn results(header: &str) -> Vec<AuthenticationResult> {
    let text = without_comments(header);
    let mut statements = split(&text, ';').into_iter();
    let by = statements.next().unwrap_or_default();
    let by = by.split_whitespace().next().unwrap_or_default().to_owned();
    statements.filter_map(|statement| result(&statement, &by)).take(MOST).collect()
}

fn result(statement: &str, by: &str) -> Option<AuthenticationResult> {
    let words = split(statement, ' ');
    let mut pairs = words.iter().filter_map(|word| word.split_once('='));
    let (method, result) = pairs.next()?;
    // A version may follow the method: `dkim/1`.
    let method = method.trim().split('/').next()?.to_ascii_lowercase();
    let result = unquoted(result).to_ascii_lowercase();
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if !is_word(&method) || !is_word(&result) {
        return None;
    }
    let mut about = String::new();
    for (name, value) in pairs {
        let name = name.to_ascii_lowercase();
        let tells = matches!(
            name.as_str(),
            "header.d"
                | "header.i"
                | "header.from"
                | "smtp.mailfrom"
                | "smtp.helo"
                | "smtp.auth"
                | "policy.iprev"
        );
        if tells && about.is_empty() {
            unquoted(value).clone_into(&mut about);
        }
    }
    Some(AuthenticationResult { method, result, about, by: by.to_owned() })
}

/// Comments in parentheses, which may be nested, and line breaks become blanks.
fn without_comments(header: &str) -> String {
    let mut text = String::with_capacity(header.len());
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for char in header.chars() {
        let was_escaped = std::mem::take(&mut escaped);
        match char {
            '\\' if !was_escaped && (quoted || depth > 0) => escaped = true,
            '"' if depth == 0 && !was_escaped => {
                quoted = !quoted;
                text.push(char);
            }
            '(' if !quoted && !was_escaped => depth += 1,
            ')' if depth > 0 && !was_escaped => {
                depth -= 1;
                text.push(' ');
            }
            _ if depth > 0 => {}
            char if char.is_whitespace() => text.push(' '),
            char => text.push(char),
        }
    }
    text
}

/// At a sign that isn't quoted; empty pieces are left out.
fn split(text: &str, at: char) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut quoted = false;
    for char in text.chars() {
        if char == '"' {
            quoted = !quoted;
        }
        if char == at && !quoted {
            pieces.push(String::new());
        } else if let Some(last) = pieces.last_mut() {
            last.push(char);
        }
    }
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(header: &str) -> Vec<(String, String, String)> {
        results(header).into_iter().map(|it| (it.method, it.result, it.about)).collect()
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let of = |method: &str, result: &str, about: &str| {
            (method.to_owned(), result.to_owned(), about.to_owned())
        };
        assert_eq!(read("example.org 1; none"), []);
        assert_eq!(
            read(
                "example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.com;\r\n spf=pass smtp.mailfrom=example.com"
            ),
            [of("auth", "pass", "sender@example.com"), of("spf", "pass", "example.com")]
        );
        assert_eq!(
            read(
                "example.com; sender-id=fail header.from=example.com; dkim=pass (good (really) signature) header.d=example.com"
            ),
            [of("sender-id", "fail", "example.com"), of("dkim", "pass", "example.com")]
        );
        assert_eq!(
            read(
                "foo.example.net (foobar) 1 (baz); dkim (Because I like it) / 1 (One yay) = (wait for it) fail \
                  policy (A dot can go here) . (like that) expired (this surprised me) = (as I wasn't expecting it) 1362471462"
            ),
            []
        );
        assert_eq!(results("mx.example.org; dmarc=\"pass\" header.from=a.example")[0].by, "mx.example.org");
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_fault(header in "\\PC{0,300}") {
            prop_assert!(results(&header).len() <= MOST);
        }
    }
}
