import fc from "fast-check";
import { expect, test } from "vitest";
import { clip } from "../../src/wire/clip.ts";

test("a text is put on one line", () => {
  expect(clip("  relay\r\n\tstuck \n")).toBe("relay stuck");
});

test("the end of a long text is kept, where the reason mostly stands", () => {
  const shown = clip(`${"x".repeat(1_000)} no route`);
  expect(shown).toHaveLength(500);
  expect(shown).toMatch(/^…x+ no route$/);
  expect(clip("0123456789", [], 5)).toBe("…6789");
});

test("what a terminal would obey is taken out", () => {
  expect(clip("\u001b[2J\u001b]0;title\u0007ok\b\u0000 \u202egnp.exe\u200b")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(clip("\u001b[31mred\u001b[0m\n[warn] line")).toBe("red [warn] line");
});

test.each([
  ["a secret", "bad password hunter22!", ["hunter22"], "bad password •••!"],
  ["every one of several", "abcd efgh abcd", ["abcd", "efgh"], "••• ••• •••"],
  ["the longer of two that begin alike", "abcdefgh", ["abcd", "abcdefgh"], "•••"],
  ["a short one where it stands alone", "pin 12 of 123", ["12"], "pin ••• of 123"],
  ["a short one with signs that mean something to an expression", "a (.* b", [".*"], "a (••• b"],
  ["each line of a key", "no key: line-one\n  line-two", ["line-one\nline-two\n"], "no key: ••• •••"],
  ["nothing for an empty one", "text", ["", " "], "text"],
])("%s is masked", (_what, text, secrets, shown) => {
  expect(clip(text, secrets)).toBe(shown);
});

test("no secret of four characters or more is ever shown, however it stands in a text", () => {
  const secret = fc.string({ minLength: 4, maxLength: 20, unit: "grapheme" }).filter((text) => /^\S{4,}$/u.test(text));
  fc.assert(
    fc.property(fc.string(), secret, fc.string(), (before, hidden, after) => {
      fc.pre(!`${before}${after}•••`.includes(hidden));
      expect(clip(`${before}${hidden}${after}`, [hidden])).not.toContain(hidden);
    }),
  );
});
