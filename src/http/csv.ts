/** CSV as RFC 4180 has it, safe for spreadsheets. */

/** What a spreadsheet would take for a formula (https://owasp.org/www-community/attacks/CSV_Injection). */
const FORMULA = /^[=+\-@\t\r]/;
const SPECIAL = /[",\r\n]/;

/** One line with its end. What is undefined is an empty field. */
export function csvLine(fields: readonly (string | number | undefined)[]): string {
  return `${fields.map(csvField).join(",")}\r\n`;
}

function csvField(field: string | number | undefined): string {
  if (typeof field !== "string") return field === undefined ? "" : String(field);
  const harmless = FORMULA.test(field) ? `'${field}` : field;
  return SPECIAL.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
