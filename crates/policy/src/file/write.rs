use mailcup_wire::{
    PolicyState,
    desktop::{PolicyFormat, PolicyPart},
};
use toml::{Table, Value};

use super::{
    read::table_name,
    row::{ACCESS_COLUMNS, LIMIT_COLUMNS, LISTS, Row, access_row, limit_row},
};

/// Writes rules or limits, in the form that [`super::read()`] reads back.
pub fn write(state: &PolicyState, part: PolicyPart, format: PolicyFormat) -> String {
    let (rows, columns): (Vec<Row>, &[&str]) = match part {
        PolicyPart::Rules => {
            (state.rules.iter().map(|rule| access_row(&rule.terms)).collect(), &ACCESS_COLUMNS)
        }
        PolicyPart::Limits => {
            (state.limits.iter().map(|limit| limit_row(&limit.terms)).collect(), &LIMIT_COLUMNS)
        }
    };
    match format {
        PolicyFormat::Toml => toml_text(rows, part, columns),
        PolicyFormat::Csv => csv_text(&rows, columns),
    }
}

fn toml_text(rows: Vec<Row>, part: PolicyPart, columns: &[&str]) -> String {
    let mut text = String::new();
    for row in rows {
        text.extend(["[[", table_name(part), "]]\n"]);
        for name in columns {
            let Some(values) = row.get(*name) else { continue };
            let table = Table::from_iter([((*name).to_owned(), toml_value(name, values))]);
            text.push_str(&table.to_string());
        }
        text.push('\n');
    }
    text
}

fn toml_value(name: &str, values: &[String]) -> Value {
    if LISTS.contains(&name) {
        return Value::Array(values.iter().cloned().map(Value::String).collect());
    }
    let first = values.first().cloned().unwrap_or_default();
    match name {
        "known" | "others" | "burst_count" | "burst_seconds" => {
            first.parse().map_or(Value::String(first), Value::Integer)
        }
        "enabled" => Value::Boolean(first == "true"),
        _ => Value::String(first),
    }
}

fn csv_text(rows: &[Row], columns: &[&str]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let cells = |row: &Row| {
        columns.iter().map(|name| row.get(*name).map(|it| it.join(" ")).unwrap_or_default()).collect()
    };
    let lines = rows.iter().map(cells);
    // Writing to memory does not fail.
    let written: Result<(), csv::Error> =
        std::iter::once(columns.iter().map(|name| (*name).to_owned()).collect())
            .chain(lines)
            .try_for_each(|line: Vec<String>| writer.write_record(line));
    match (written, writer.into_inner()) {
        (Ok(()), Ok(bytes)) => String::from_utf8(bytes).unwrap_or_default(),
        _ => String::new(),
    }
}
