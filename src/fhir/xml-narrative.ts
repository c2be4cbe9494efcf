/**
 * The `div` of a Narrative inside FHIR XML. https://hl7.org/fhir/R4/narrative.html
 *
 * JSON holds it as text that declares the XHTML namespace itself. So the very characters of the XML are kept when they do
 * that; a `div` that uses prefixes, or declarations from further up, is written anew without them.
 */
import { SaxesParser, type SaxesAttributeNS, type SaxesTagNS } from 'saxes';
import { outcomeError } from './outcome.ts';
import { escapeAttribute, escapeText } from './xml-escape.ts';
import { xhtmlNamespace, xmlnsNamespace } from './xml-names.ts';

/** Bounds the time that saxes takes to look up namespaces. */
const deepest = 100;

export interface NarrativeReader {
  /** Returns what is wrong with the tag, if anything. */
  open(tag: SaxesTagNS): string | undefined;
  text(text: string): void;
  /** Returns the text of the div when this was its end; `end` is the place behind the tag. */
  close(tag: SaxesTagNS, end: number): string | undefined;
}

/** Reads the div that begins at `start` of the document. */
export function narrativeReader(document: string, start: number): NarrativeReader {
  let depth = 0;
  let anew = '';
  let verbatim = true;
  return {
    open(tag) {
      const attributes = Object.values(tag.attributes);
      const declares = tag.attributes['xmlns']?.value === xhtmlNamespace;
      verbatim &&= tag.prefix === '' && (depth > 0 || declares) && !attributes.some(isPrefixDeclaration);
      anew += startTag(tag, attributes, depth === 0);
      depth++;
      return depth > deepest ? `The narrative has more than ${deepest} levels.` : tagProblem(tag, attributes);
    },
    text(text) {
      anew += escapeText(text);
    },
    close(tag, end) {
      anew += tag.isSelfClosing ? '' : `</${tag.local}>`;
      depth--;
      if (depth > 0) {
        return undefined;
      }
      return verbatim ? document.slice(start, end) : anew;
    },
  };
}

function tagProblem(tag: SaxesTagNS, attributes: readonly SaxesAttributeNS[]): string | undefined {
  if (tag.uri !== xhtmlNamespace) {
    return `The element "${tag.name}" of a narrative must be of the namespace ${xhtmlNamespace}.`;
  }
  const foreign = attributes.find(({ uri, prefix }) => uri !== '' && uri !== xmlnsNamespace && prefix !== 'xml');
  return foreign && `The attribute "${foreign.name}" of a narrative must be one of XHTML.`;
}

function isPrefixDeclaration({ prefix }: SaxesAttributeNS): boolean {
  return prefix === 'xmlns';
}

function startTag(tag: SaxesTagNS, attributes: readonly SaxesAttributeNS[], root: boolean): string {
  const own = attributes.filter(({ uri }) => uri !== xmlnsNamespace);
  const written = own.map(({ name, value }) => ` ${name}="${escapeAttribute(value)}"`).join('');
  const namespace = root ? ` xmlns="${xhtmlNamespace}"` : '';
  return `<${tag.local}${namespace}${written}${tag.isSelfClosing ? '/' : ''}>`;
}

/**
 * A narrative as it is put into XML. It is parsed first, because text that is not well formed, or closes more than it
 * opens, would change the document round it.
 */
export function embeddedNarrative(div: string, expression: string): string {
  const text = div.trim();
  const start = text.startsWith('<div') ? text : '';
  const parser = new SaxesParser({ xmlns: true, defaultXMLVersion: '1.0', forceXMLVersion: true });
  let declared = true;
  let depth = 0;
  const refuse = (): never => {
    throw outcomeError('structure', 'The narrative is not well-formed XHTML, so it cannot be written as XML.', {
      status: 422,
      expression,
    });
  };
  parser.on('error', refuse);
  parser.on('doctype', refuse);
  parser.on('opentag', (tag) => {
    declared &&= depth > 0 || tag.attributes['xmlns'] !== undefined;
    depth++;
    if (depth > deepest) {
      refuse();
    }
  });
  parser.on('closetag', () => {
    depth--;
  });
  parser.write(start).close();
  return declared ? text : text.replace('<div', `<div xmlns="${xhtmlNamespace}"`);
}
