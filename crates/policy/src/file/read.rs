use std::collections::BTreeMap;

use mailcup_wire::{
    AccessTerms, FieldProblem, LimitEdit, LimitTerms, PolicyChange, PolicyState, RuleEdit,
    desktop::{BadPolicyLine, PolicyFormat, PolicyImport, PolicyPart},
};
use toml::{Spanned, Value};

use super::{
    LARGEST_FILE, MOST_ROWS,
    row::{LISTS, Row, access_terms, limit_terms},
};

const BAD_LINES_SHOWN: usize = 100;

/// Reads a file of rules or limits beside the policy as it is: what is new is created, what stands there already
/// just as in the file is left alone. Bad rows are named and left out.
pub fn read(text: &str, part: PolicyPart, state: &PolicyState) -> PolicyImport {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let format = format_of(text, part);
    let mut bad = Vec::new();
    let rows = if text.len() > LARGEST_FILE {
        bad.push(fault(1, None, format!("A file has at most {} MiB.", LARGEST_FILE / 1024 / 1024)));
        Vec::new()
    } else {
        match format {
            PolicyFormat::Toml => toml_rows(text, part, &mut bad),
            PolicyFormat::Csv => csv_rows(text, &mut bad),
        }
    };
    let mut import = PolicyImport {
        format,
        change: PolicyChange::default(),
        new: 0,
        known: 0,
        bad: 0,
        bad_lines: Vec::new(),
    };
    if rows.len() > MOST_ROWS {
        bad.push(fault(1, None, format!("A file has at most {MOST_ROWS} rules or limits.")));
    }
    for (line, row) in rows.into_iter().take(MOST_ROWS) {
        let added = match part {
            PolicyPart::Rules => access_terms(&row).map(|terms| add_rule(&mut import.change, state, terms)),
            PolicyPart::Limits => limit_terms(&row).map(|terms| add_limit(&mut import.change, state, terms)),
        };
        match added {
            Ok(true) => import.new += 1,
            Ok(false) => import.known += 1,
            Err(problems) => bad.extend(
                problems.into_iter().map(|FieldProblem { field, message }| fault(line, Some(field), message)),
            ),
        }
    }
    import.bad = u32::try_from(bad.len()).unwrap_or(u32::MAX);
    bad.truncate(BAD_LINES_SHOWN);
    import.bad_lines = bad;
    import
}

/// A spreadsheet's first line names columns; TOML's first line that says something begins a table.
fn format_of(text: &str, part: PolicyPart) -> PolicyFormat {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    match first {
        Some(line) if line.starts_with('[') || line.contains('=') => PolicyFormat::Toml,
        Some(line) if line.to_lowercase().contains("scope") => PolicyFormat::Csv,
        _ if text.contains(table_name(part)) => PolicyFormat::Toml,
        _ => PolicyFormat::Csv,
    }
}

pub(super) fn table_name(part: PolicyPart) -> &'static str {
    match part {
        PolicyPart::Rules => "access_rule",
        PolicyPart::Limits => "sending_limit",
    }
}

/// One table of a TOML file, and where it stands.
type Entry = Spanned<BTreeMap<String, Value>>;

fn toml_rows(text: &str, part: PolicyPart, bad: &mut Vec<BadPolicyLine>) -> Vec<(u32, Row)> {
    let tables: BTreeMap<String, Spanned<Vec<Entry>>> = match toml::from_str(text) {
        Ok(tables) => tables,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_at(text, span.start));
            bad.push(fault(line, None, error.message().to_owned()));
            return Vec::new();
        }
    };
    let mut rows = Vec::new();
    for (name, tables) in tables {
        if name != table_name(part) {
            let line = line_at(text, tables.span().start);
            bad.push(fault(line, Some(name), format!("Only [[{}]] is read here.", table_name(part))));
            continue;
        }
        for table in tables.into_inner() {
            let line = line_at(text, table.span().start);
            let mut row = Row::new();
            for (name, value) in table.into_inner() {
                match texts(value) {
                    Some(values) => drop(row.insert(name, values)),
                    None => {
                        bad.push(fault(line, Some(name), "A text, a number, or a list of texts.".to_owned()));
                    }
                }
            }
            rows.push((line, row));
        }
    }
    rows
}

fn texts(value: Value) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => {
            values.into_iter().map(|value| texts(value).filter(|it| it.len() == 1)?.pop()).collect()
        }
        Value::String(text) => Some(vec![text]),
        Value::Integer(number) => Some(vec![number.to_string()]),
        Value::Boolean(truth) => Some(vec![truth.to_string()]),
        Value::Datetime(time) => Some(vec![time.to_string()]),
        Value::Float(_) | Value::Table(_) => None,
    }
}

fn csv_rows(text: &str, bad: &mut Vec<BadPolicyLine>) -> Vec<(u32, Row)> {
    let delimiter = text
        .lines()
        .next()
        .filter(|first| first.contains(';') && !first.contains(','))
        .map_or(b',', |_| b';');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let names: Vec<String> = match reader.headers() {
        Ok(headers) => headers.iter().map(str::to_lowercase).collect(),
        Err(error) => {
            bad.push(fault(1, None, error.to_string()));
            return Vec::new();
        }
    };
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                bad.push(fault(u32::try_from(line).unwrap_or(u32::MAX), None, error.to_string()));
                continue;
            }
        };
        let line = record.position().map_or(1, |position| u32::try_from(position.line()).unwrap_or(u32::MAX));
        if record.iter().all(str::is_empty) {
            continue;
        }
        if record.len() > names.len() {
            bad.push(fault(line, None, "There are more cells than columns.".to_owned()));
            continue;
        }
        let row = names.iter().zip(&record).filter(|(_, cell)| !cell.is_empty()).map(|(name, cell)| {
            let values = if LISTS.contains(&name.as_str()) {
                cell.split([' ', ',', ';', '\n']).filter(|part| !part.is_empty()).map(str::to_owned).collect()
            } else {
                vec![cell.to_owned()]
            };
            (name.clone(), values)
        });
        rows.push((line, row.collect()));
    }
    rows
}

fn add_rule(change: &mut PolicyChange, state: &PolicyState, terms: AccessTerms) -> bool {
    let is_new = !state.rules.iter().any(|rule| rule.terms == terms)
        && !change
            .rules
            .iter()
            .any(|edit| matches!(edit, RuleEdit::Create { terms: other } if *other == terms));
    if is_new {
        change.rules.push(RuleEdit::Create { terms });
    }
    is_new
}

fn add_limit(change: &mut PolicyChange, state: &PolicyState, terms: LimitTerms) -> bool {
    let is_new = !state.limits.iter().any(|limit| limit.terms == terms)
        && !change
            .limits
            .iter()
            .any(|edit| matches!(edit, LimitEdit::Create { terms: other } if *other == terms));
    if is_new {
        change.limits.push(LimitEdit::Create { terms });
    }
    is_new
}

fn fault(line: u32, field: Option<String>, fault: String) -> BadPolicyLine {
    BadPolicyLine { line, field, fault }
}

fn line_at(text: &str, offset: usize) -> u32 {
    let before = text.get(..offset).unwrap_or(text);
    u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX)
}
