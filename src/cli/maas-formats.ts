/** How `maas print` prints. */
export const FORMATS = ["form", "cli", "terraform", "json"] as const;

export type Format = (typeof FORMATS)[number];

export function isFormat(text: string): text is Format {
  return FORMATS.some((known) => known === text);
}
