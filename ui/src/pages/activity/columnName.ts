import { m } from "$messages";
import type { Column } from "$host/host";
import { type ColumnName, columnNames, exported } from "./columns";

export function columnName(name: ColumnName): string {
  switch (name) {
    case "time":
      return m.activity_column_time();
    case "outcome":
      return m.activity_column_outcome();
    case "account":
      return m.activity_column_account();
    case "address":
      return m.activity_column_address();
    case "protocol":
      return m.activity_column_protocol();
    case "reason":
      return m.activity_column_reason();
    case "device":
      return m.activity_column_device();
    case "server":
      return m.activity_column_server();
    case "number":
      return m.activity_column_number();
  }
}

export function exportColumnName(column: Column): string {
  if (column === "kind") return m.activity_field_kind();
  if (column === "text") return m.activity_column_text();
  const shown = columnNames.find((name) => exported[name] === column);
  return shown === undefined ? column : columnName(shown);
}
