/**
 * The XHTML of Narrative.div: well-formed, formatting only, with content. htmlChecks() of txt-1 and txt-2,
 * https://hl7.org/fhir/R4/narrative.html#rules
 *
 * A narrative is shown by every client, so scripts, forms, frames, event attributes and `javascript:` links are faults.
 */
import { SaxesParser, type SaxesTagPlain } from 'saxes';

/** HTML 4.0 chapters 7–11 (without 9.4) and 15, a with name or href, and images. */
const elements = new Set(
  `a abbr acronym b bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em h1 h2 h3 h4 h5 h6
   hr i img ins kbd li map area ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var`.split(
    /\s+/,
  ),
);

const attributes = new Set(
  `abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite class clear
   colspan compact coords color dir face frame headers height href hreflang hspace id idref lang longdesc media name nowrap noshade
   rel rev rowspan rules scope shape size span src start style summary tabindex title type usemap valign value vspace width xml:lang xmlns xml:space`.split(
    /\s+/,
  ),
);

const xhtml = 'http://www.w3.org/1999/xhtml';

/** Entities that XHTML has beyond those of XML, as far as narratives use them. */
const entities = {
  nbsp: '\u00a0',
  copy: '©',
  reg: '®',
  deg: '°',
  micro: 'µ',
  plusmn: '±',
  times: '×',
  middot: '·',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  le: '≤',
  ge: '≥',
  rarr: '→',
  larr: '←',
  alpha: 'α',
  beta: 'β',
  mu: 'μ',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  bull: '•',
  laquo: '«',
  raquo: '»',
  sect: '§',
  frac12: '½',
  eacute: 'é',
  auml: 'ä',
  ouml: 'ö',
  uuml: 'ü',
  szlig: 'ß',
};

function attributeFault(element: string, name: string, value: string): string | undefined {
  if (!attributes.has(name) && !name.startsWith('xmlns:')) {
    return `the attribute "${name}" is not allowed`;
  }
  // Control characters and blanks inside a scheme are ignored by browsers.
  const address = value.replace(/[\u0000-\u0020]/g, '').toLowerCase();
  const isAddress = name === 'href' || name === 'src' || name === 'cite' || name === 'longdesc' || name === 'usemap';
  if (isAddress && /^(?:javascript|vbscript|data(?!:image\/)):?/.test(address) && address.includes(':')) {
    return `the address of <${element}> is not allowed`;
  }
  return name === 'style' && /expression\(|javascript:|@import|behavior:/.test(address)
    ? 'the style is not allowed'
    : undefined;
}

function tagFault(tag: SaxesTagPlain, isRoot: boolean): string | undefined {
  const name = tag.name;
  if (isRoot && (name !== 'div' || tag.attributes['xmlns'] !== xhtml)) {
    return 'it must be one <div> in the XHTML namespace';
  }
  if (!elements.has(name)) {
    return `the element <${name}> is not allowed`;
  }
  for (const [attribute, value] of Object.entries(tag.attributes)) {
    const fault = attributeFault(name, attribute, value);
    if (fault !== undefined) {
      return fault;
    }
  }
  return undefined;
}

/** What is wrong with a narrative; undefined when nothing is. */
export function narrativeFault(text: string): string | undefined {
  const parser = new SaxesParser({ fragment: true });
  Object.assign(parser.ENTITIES, entities);
  let fault: string | undefined;
  let depth = 0;
  let roots = 0;
  let content = false;
  const note = (what: string | undefined): void => {
    fault ??= what;
  };
  parser.on('error', () => note('it is not well-formed'));
  parser.on('doctype', () => note('a document type is not allowed'));
  parser.on('processinginstruction', () => note('a processing instruction is not allowed'));
  parser.on('opentag', (tag) => {
    roots += depth === 0 ? 1 : 0;
    note(tagFault(tag as SaxesTagPlain, depth === 0));
    content ||= tag.name === 'img';
    depth += 1;
  });
  parser.on('closetag', () => {
    depth -= 1;
  });
  parser.on('text', (part) => {
    const blank = part.trim() === '';
    content ||= !blank && depth > 0;
    note(depth === 0 && !blank ? 'there is text outside of the <div>' : undefined);
  });
  parser.on('cdata', () => note('a CDATA section is not allowed'));
  parser.write(text).close();
  note(roots === 1 ? undefined : 'it must be one <div>');
  return fault ?? (content ? undefined : 'it has no content');
}
