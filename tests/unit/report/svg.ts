/** Tags that are open where they should be closed, or attributes without quotes: what a strict XML reader refuses. */
export function xmlProblems(text: string): string[] {
  const open: string[] = [];
  const problems: string[] = [];
  for (const [tag, slash, name, attributes, selfClosing] of text.matchAll(
    /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
  )) {
    if (slash === '/') {
      const last = open.pop();
      if (last !== name) problems.push(`${tag} closes ${last}`);
    } else if (selfClosing === '') open.push(name ?? '');
    if (slash === '/' && attributes !== '') problems.push(`attributes in ${tag}`);
  }
  const rest = text.replaceAll(/<\/?[a-zA-Z][\w-]*(?:\s+[\w:-]+="[^"<]*")*\s*\/?>/g, '');
  if (rest.includes('<')) {
    problems.push(
      `a tag that does not parse: ${rest.slice(rest.indexOf('<'), rest.indexOf('<') + 60)}`,
    );
  }
  return [...problems, ...open.map((name) => `${name} is never closed`)];
}

/** Horizontal extents `[from, to]` of the bars in the path of a class, in drawing order. */
export function barExtents(svg: string, className: string): (readonly [number, number])[] {
  const paths = [...svg.matchAll(new RegExp(`<path class="${className}" d="([^"]*)"`, 'g'))];
  return paths.flatMap(([, d]) =>
    [...(d ?? '').matchAll(/M([\d.]+) [\d.]+h([\d.]+)/g)].map(
      ([, x, width]) => [Number(x), Number(x) + Number(width)] as const,
    ),
  );
}
