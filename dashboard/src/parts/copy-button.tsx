import Button from "@canonical/react-components/dist/esm/components/Button";
import { useState } from "react";
import { announce } from "../state/announce.ts";
import { Glyph } from "./glyph.tsx";

const SHOWN_MS = 2_000;

interface Props {
  readonly text: string;
  /** What it copies: `URI to power on the node`. */
  readonly what: string;
  /** Words on the button; absent: only the picture. */
  readonly label?: string;
}

export function CopyButton({ text, what, label }: Props) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(text);
    announce(`${what} copied`);
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return (
    <Button
      type="button"
      appearance={label === undefined ? "base" : ""}
      hasIcon
      dense
      className="copy-button u-no-margin--bottom"
      title={`Copy ${what}`}
      aria-label={`Copy ${what}`}
      onClick={() => void copy()}
    >
      <Glyph name={copied ? "check" : "copy"} />
      {label !== undefined && <span>{copied ? "Copied" : label}</span>}
    </Button>
  );
}

/** Browsers give the clipboard only to pages from https or from this computer; for all others there is the old way. */
async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "u-off-screen";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}
