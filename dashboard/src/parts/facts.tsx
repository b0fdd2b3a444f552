import type { ReactNode } from "react";

/** Facts with their names; what is not known is left out. */
export function Facts({ facts }: { readonly facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== null && value !== false && value !== "")
        .map(([name, value]) => (
          <div key={name} className="facts__one">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

interface CardProps {
  readonly title: string;
  readonly children: ReactNode;
  readonly wide?: boolean;
}

export function Card({ title, children, wide = false }: CardProps) {
  return (
    <section className={`card${wide ? " is-wide" : ""}`} aria-label={title}>
      <h2 className="card__title">{title}</h2>
      {children}
    </section>
  );
}
