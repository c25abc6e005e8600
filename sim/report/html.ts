/** Text made safe inside HTML elements and attribute values. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** A table cell: text, or HTML that is safe already, and its class. */
export interface Cell {
  readonly html: string;
  readonly className?: string;
}

/** A cell of plain text. */
export function cell(text: string, className?: string): Cell {
  return className === undefined
    ? { html: escapeHtml(text) }
    : { html: escapeHtml(text), className };
}

/** An HTML table with a header row. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const header = head.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.map(td).join('')}</tr>`).join('\n');
  return `<div class="scroll"><table><thead><tr>${header}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

function td({ html, className }: Cell): string {
  return className === undefined ? `<td>${html}</td>` : `<td class="${className}">${html}</td>`;
}
