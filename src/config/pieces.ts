/**
 * A large file in pieces. YAML's parser holds a document in memory as characters, tokens, a syntax tree and nodes at once;
 * of ten thousand machines it needs to hold only some at a time.
 *
 * A file is cut where it is sure what stands there: in the block under `machines:`, `hubs:` or `profiles:`, before a line
 * that begins with a name at the indentation of the first. Anything unusual leaves the file whole, and whoever finds a
 * mistake in a piece reads the whole file, where the mistake is told in its surroundings.
 */

/** Characters; below this a file is not worth cutting. */
const LARGE = 128 * 1024;
/** Characters; a piece is a little more. */
const PIECE = 32 * 1024;

export interface Pieces {
  /** The file with blanks in place of the pieces. */
  readonly rest: string;
  readonly pieces: readonly Piece[];
}

export interface Piece {
  /** Under which key of the file it stands. */
  readonly section: string;
  readonly text: string;
  /** Where it begins in the file, in characters. */
  readonly offset: number;
}

/** Anchors may be meant from elsewhere; documents and directives are not for here. */
const UNUSUAL = /(?:^|[\s[{,])&\S|^(?:---|\.\.\.|%)/m;
const SECTION = /^(machines|hubs|profiles):[ \t]*(?:#.*)?\r?\n/gm;
const CONTENT = /^( *)([^\s#].*)$/gm;

/** The pieces of a large file; undefined where it is to be read whole. */
export function cut(text: string, large = LARGE, size = PIECE): Pieces | undefined {
  if (text.length < large || UNUSUAL.test(text)) return undefined;
  const pieces: Piece[] = [];
  for (const header of text.matchAll(SECTION)) {
    const begin = header.index + header[0].length;
    const cuts = cutsOf(text, begin, size);
    if (!cuts) return undefined;
    for (const [index, offset] of cuts.slice(0, -1).entries()) {
      pieces.push({ section: header[1] ?? "", text: text.slice(offset, cuts[index + 1]), offset });
    }
  }
  let rest = "";
  let end = 0;
  for (const { text: piece, offset } of pieces) {
    rest += text.slice(end, offset) + piece.replaceAll(/[^\n]/g, " ");
    end = offset + piece.length;
  }
  return { rest: rest + text.slice(end), pieces };
}

/** Where the pieces of the block that begins there begin, and where the last ends; undefined where it is unusual. */
function cutsOf(text: string, begin: number, size: number): readonly number[] | undefined {
  const cuts = [begin];
  let indent: number | undefined;
  CONTENT.lastIndex = begin;
  for (let line = CONTENT.exec(text); line; line = CONTENT.exec(text)) {
    const spaces = line[1]?.length ?? 0;
    if (spaces === 0) return indent === undefined ? undefined : [...cuts, line.index];
    indent ??= spaces;
    if (spaces < indent) return undefined;
    const large = line.index - (cuts.at(-1) ?? begin) >= size;
    if (spaces === indent && large && /^["']?[A-Za-z0-9]/.test(line[2] ?? "")) cuts.push(line.index);
  }
  return indent === undefined ? undefined : [...cuts, text.length];
}
