/**
 * The XHTML of a Narrative: well-formed, and only elements and attributes that cannot act (txt-1, txt-2).
 * https://hl7.org/fhir/R4/narrative.html#xhtml
 *
 * Read by a strict XML parser in one pass; the narrative that most software writes (a div with plain text) is
 * recognised before that by one linear regex.
 */
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { type Context, quoted, report } from './context.ts';

const XHTML = 'http://www.w3.org/1999/xhtml';

/** Linear: white space, then from the first other character to the end of the div without a way back. */
const plain =
  /^<div xmlns="http:\/\/www\.w3\.org\/1999\/xhtml">\s*[^<&\s\u0000-\u001F\uFFFE\uFFFF\uD800-\uDFFF][^<&\u0000-\u001F\uFFFE\uFFFF\uD800-\uDFFF]*<\/div>$/;

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** HTML 4.0 chapters 7 to 11 (without 9.4) and 15, and links, images. */
const elements = words(`
  a abbr acronym address b big blockquote br caption center cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6
  hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt u ul var kbd`);

const everywhere = words('title style class id lang xml:lang dir accesskey tabindex xmlns');

const attributes: Readonly<Record<string, ReadonlySet<string>>> = {
  a: words('href name hreflang rel rev charset type coords shape target'),
  img: words('src alt width height longdesc align border hspace vspace name ismap usemap'),
  table: words('summary width border frame rules cellspacing cellpadding align bgcolor'),
  blockquote: words('cite'),
  q: words('cite'),
  br: words('clear'),
  hr: words('align noshade size width'),
  ol: words('type start compact'),
  ul: words('type compact'),
  li: words('type value'),
  dl: words('compact'),
  pre: words('width'),
};

const cell = words(
  'abbr axis headers scope rowspan colspan nowrap width height char charoff span align valign bgcolor',
);
const cells = words('td th tr tbody thead tfoot col colgroup caption');
const blocks = words('div p h1 h2 h3 h4 h5 h6');

function isAllowed(element: string, attribute: string): boolean {
  if (everywhere.has(attribute) || (Object.hasOwn(attributes, element) && attributes[element]!.has(attribute)))
    return true;
  return (cells.has(element) && cell.has(attribute)) || (blocks.has(element) && attribute === 'align');
}

/** A link that a browser would run as a program. */
function isActive(url: string): boolean {
  // Browsers ignore white space and control characters inside a scheme.
  const bare = url.replace(/[\u0000-\u0020\u007F-\u00A0]/g, '').toLowerCase();
  const scheme = /^[a-z][a-z0-9+.-]*:/.exec(bare)?.[0];
  if (scheme === 'data:') return !/^data:image\/(?!svg)/.test(bare);
  return scheme === 'javascript:' || scheme === 'vbscript:';
}

/** The first fault of an element; undefined when it is allowed. */
function tagFault(tag: SaxesTagPlain, isRoot: boolean): string | undefined {
  if (isRoot && (tag.name !== 'div' || tag.attributes['xmlns'] !== XHTML)) {
    return `must be one <div xmlns="${XHTML}"> (txt-1).`;
  }
  if (!elements.has(tag.name)) return `must not have the element <${tag.name.slice(0, 40)}> (txt-1).`;
  for (const [name, value] of Object.entries(tag.attributes)) {
    if (!isAllowed(tag.name, name)) return `must not have the attribute ${name.slice(0, 40)} on <${tag.name}> (txt-1).`;
    if (name === 'xmlns' && value !== XHTML) return `must be in the namespace ${XHTML} (txt-1).`;
    if ((name === 'href' || name === 'src') && isActive(value))
      return `must not run anything: ${quoted(value)} (txt-1).`;
  }
  return undefined;
}

/** The first fault of a narrative. */
function fault(text: string): string | undefined {
  const parser = new SaxesParser();
  let found: string | undefined;
  let hasContent = false;
  let depth = 0;
  parser.on('opentag', (tag) => {
    found ??= tagFault(tag, depth === 0);
    hasContent ||= tag.name === 'img';
    depth += 1;
  });
  parser.on('closetag', () => {
    depth -= 1;
  });
  const noteText = (value: string): void => {
    hasContent ||= /\S/.test(value);
  };
  parser.on('text', noteText);
  parser.on('cdata', noteText);
  parser.on('doctype', () => {
    found ??= 'must not have a document type declaration (txt-1).';
  });
  parser.on('processinginstruction', () => {
    found ??= 'must not have processing instructions (txt-1).';
  });
  parser.on('error', (error) => {
    found ??= `must be well-formed XHTML: ${error.message.slice(0, 120)} (txt-1).`;
  });
  parser.write(text).close();
  return found ?? (hasContent ? undefined : 'must have some text or an image (txt-2).');
}

/** Checks the div of a Narrative. */
export function checkNarrative(text: string, context: Context): void {
  if (plain.test(text)) return;
  const found = fault(text);
  if (found !== undefined) report(context, 'invariant', found);
}
