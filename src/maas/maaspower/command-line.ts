/**
 * maaspower's command lines. It cut them at each blank and ran the pieces without a shell: quotes, pipes, variables and
 * comments went to the program as they stood. What worked so goes on to work; where only a shell can have been meant,
 * a shell gets it, and that is said.
 */

export interface Command {
  /** Program and arguments; a text for the shell. */
  readonly run: readonly string[] | string;
  /** What a person should look at. */
  readonly notes: readonly string[];
}

interface Word {
  readonly text: string;
  readonly quoted: boolean;
}

/** They hand their arguments to a shell elsewhere, which reads quotes and pipes by itself. */
const FAR_SHELLS = /^(?:.*\/)?(?:ssh|plink|dbclient)$/;
/** Words that only a shell understands. */
const OPERATOR = /^(?:\|\|?|&&?|;+|\S+;|(?:\d|&)?>>?(?:&\d|\S*)|<\S*)$/;

export function commandOf(written: string): Command {
  const notes: string[] = [];
  const { line, comment } = withoutComment(written.trim());
  if (comment !== undefined) notes.push(`maaspower passed the comment "${comment}" to the program; it is left out`);
  const pieces = line.split(/ +/);
  const words = shellWords(line);
  const program = pieces[0] ?? "";
  if (/\/./.test(program) && !/^[/~"']/.test(program))
    notes.push(`"${program}" was found from the folder that maaspower was started in: write its full path, or \`cwd\``);
  if (/\$[\w({]|`/.test(line)) notes.push("maaspower put nothing in place of variables; neither is it done here");

  const operator = words?.find(({ text, quoted }) => !quoted && OPERATOR.test(text))?.text;
  const isFar = pieces.some((piece) => FAR_SHELLS.test(piece));
  const isOneWord = words?.filter(({ quoted }) => quoted).length === 1 && words.at(-1)?.quoted === true;
  if (isFar && (operator !== undefined || (/["'\\]/.test(line) && !isOneWord))) {
    notes.push("quotes and pipes go to the shell at the other end as they stand, as they did before");
    return { run: pieces, notes };
  }
  if (operator !== undefined || /^\w+=|^~/.test(program) || line.includes("\n")) {
    const why = line.includes("\n") ? "several lines" : `"${operator ?? program}"`;
    notes.push(`only a shell understands ${why}, which maaspower passed to the program: it has a shell now`);
    return { run: line, notes };
  }
  if (!words) {
    notes.push("a quote is not closed: the pieces are as maaspower made them");
    return { run: pieces, notes };
  }
  if (words.some(({ quoted }) => quoted))
    notes.push("maaspower passed the quotes themselves to the program; here they hold a word together");
  return { run: words.map(({ text }) => text), notes };
}

/** `#` begins a comment where a word begins and no quote is open. */
function withoutComment(line: string): { readonly line: string; readonly comment?: string } {
  for (const { index } of line.matchAll(/(?<= )#/g)) {
    const before = line.slice(0, index);
    if (shellWords(before)) return { line: before.trimEnd(), comment: line.slice(index) };
  }
  return { line };
}

/** The words as a shell would cut them, nothing put in place of anything. Undefined where a quote is not closed. */
function shellWords(line: string): readonly Word[] | undefined {
  const words: Word[] = [];
  let text = "";
  let quoted = false;
  let begun = false;
  const end = () => {
    if (begun) words.push({ text, quoted });
    [text, quoted, begun] = ["", false, false];
  };
  for (let rest = line; rest !== ""; ) {
    const [piece = "", single, double, escaped] = /^(?:'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.))/s.exec(rest) ?? [];
    if (piece !== "") {
      text += single ?? double?.replaceAll(/\\(["\\$`])/g, "$1") ?? escaped ?? "";
      [quoted, begun] = [true, true];
    } else if (/^["'\\]/.test(rest)) return undefined;
    else if (/^\s/.test(rest)) end();
    else {
      text += rest.charAt(0);
      begun = true;
    }
    rest = rest.slice(piece.length || 1);
  }
  end();
  return words;
}

/** Options whose value, the next word, is a password or its like. */
const SECRET_OPTION = /^--?[\w-]*(?:pass(?:word|wd)?|token|secret|psk|api-?key)$/i;
/** The same in one word; a user and password in front of a host, or behind `-u`. */
const SECRET_WORD = /^--?[\w-]*(?:pass(?:word|wd)?|token|secret|psk|api-?key)=.|:\/\/[^/@\s]*:[^/@\s]*@|^-u\S+:\S/i;
/** By program: short options whose value is one. */
const SECRET_SHORT: Readonly<Record<string, RegExp>> = {
  ipmitool: /^-P$/,
  ipmipower: /^-p$/,
  sshpass: /^-p$/,
  curl: /^-u$|^--user$/,
  snmpset: /^-[cAX]$/,
  snmpget: /^-[cAX]$/,
  upscmd: /^-p$/,
};

/** Which of the words look like a password, or hold one. */
export function secretWords(words: readonly string[]): readonly boolean[] {
  const programs = words
    .map((word) => SECRET_SHORT[word.split("/").at(-1) ?? ""])
    .filter((option) => option !== undefined);
  return words.map((word, index) => {
    const before = words[index - 1] ?? "";
    return SECRET_WORD.test(word) || SECRET_OPTION.test(before) || programs.some((option) => option.test(before));
  });
}
