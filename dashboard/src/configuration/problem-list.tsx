import type { Problem } from "../api/types.ts";
import { Marked } from "../parts/marked.tsx";

interface Props {
  readonly title: string;
  readonly problems: readonly Problem[];
}

/** Each with its place, the line itself, and what to do. */
export function ProblemList({ title, problems }: Props) {
  return (
    <section aria-label={title}>
      <h2 className="card__title">{title}</h2>
      <ul className="problems">
        {problems.map(({ severity, file, line, column, message, hint, source, sourceColumn }) => (
          <li key={`${file} ${line} ${column} ${message}`} className={`problem is-${severity}`}>
            <code className="problem__place">{`${file}:${line}:${column}`}</code>
            <span className="problem__message">
              <Marked text={message} />
            </span>
            {source !== undefined && (
              <pre className="problem__source">
                {source}
                {sourceColumn !== undefined && `\n${" ".repeat(Math.max(0, sourceColumn - 1))}^`}
              </pre>
            )}
            {hint !== undefined && (
              <span className="problem__hint">
                <Marked text={hint} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
