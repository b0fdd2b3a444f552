import { CopyButton } from "./copy-button.tsx";

interface Props {
  readonly text: string;
  readonly what: string;
  readonly numbered?: boolean;
}

/** A text to read and to copy. It can be scrolled by keyboard. */
export function TextView({ text, what, numbered = false }: Props) {
  const lines = text.replace(/\n$/, "").split("\n");
  return (
    <div className={`code${numbered ? " is-numbered" : ""}`}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section className="code__text" tabIndex={0} aria-label={what}>
        <pre>
          {numbered
            ? // biome-ignore lint/suspicious/noArrayIndexKey: a line is known by its number
              lines.map((line, index) => <span key={index} className="code__line">{`${line}\n`}</span>)
            : text}
        </pre>
      </section>
      <CopyButton text={text} what={what} />
    </div>
  );
}
