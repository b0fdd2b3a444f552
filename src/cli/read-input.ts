/** All of standard input, without the line end at its end. */
export async function readInput(input: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  input.setEncoding("utf8");
  for await (const chunk of input) text += String(chunk);
  return text.replace(/\r?\n$/, "");
}
