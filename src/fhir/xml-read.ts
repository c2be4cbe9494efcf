/**
 * FHIR XML → JSON. See xml.ts for the invariants.
 *
 * `saxes` reads the XML; each open element has a Frame (xml-frame.ts) that knows its definition. Elements must come in
 * the order of the definition, as the schemas of FHIR demand it.
 */
import { SaxesParser, type SaxesTagNS } from 'saxes';
import { isResourceType, propertyShape, shapeOf, isPrimitive, type Property } from './definitions.ts';
import { defaultDepth } from './json-parse.ts';
import { shortened } from './json-reader.ts';
import type { JsonObject } from './json.ts';
import { outcomeError, type OutcomeError } from './outcome.ts';
import { readAttributes } from './xml-attributes.ts';
import { addMember, alignPrimitives, isPresent, isRepeated, repetitions, type Frame } from './xml-frame.ts';
import { fhirNamespace, xhtmlNamespace } from './xml-names.ts';
import { narrativeReader, type NarrativeReader } from './xml-narrative.ts';

interface Reading {
  readonly text: string;
  readonly depth: number;
  readonly parser: SaxesParser<{ xmlns: true }>;
  /** The innermost open element of FHIR. */
  frame: Frame | undefined;
  /** Set while inside a narrative, the last child of `frame`. */
  narrative: NarrativeReader | undefined;
  root: JsonObject | undefined;
}

/** Reads one resource; throws an OutcomeError (400) that tells where and why it is refused. */
export function parseXml(text: string, limits: { depth?: number } = {}): JsonObject {
  const parser = new SaxesParser({ xmlns: true, defaultXMLVersion: '1.0', forceXMLVersion: true });
  const reading: Reading = {
    text,
    parser,
    depth: limits.depth ?? defaultDepth,
    frame: undefined,
    narrative: undefined,
    root: undefined,
  };
  listen(reading);
  parser.write(text).close();
  return reading.root as JsonObject;
}

function listen(reading: Reading): void {
  const { parser } = reading;
  parser.on('error', ({ message }) => {
    const rule = shortened(message.replace(/^\d+:\d+: /, '').replace(/\.$/, ''));
    throw refusal(reading, `The XML is not well formed: ${rule}`);
  });
  parser.on('xmldecl', ({ encoding = 'UTF-8' }) => {
    if (!/^utf-?8$/i.test(encoding)) {
      throw refusal(reading, 'FHIR XML is in UTF-8; its declaration names another encoding');
    }
  });
  parser.on('doctype', () => {
    throw refusal(reading, 'A DOCTYPE is not allowed in FHIR XML');
  });
  parser.on('opentag', (tag) => (reading.narrative ? openXhtml(reading, tag) : openTag(reading, tag)));
  parser.on('closetag', (tag) => (reading.narrative ? closeXhtml(reading, tag) : closeTag(reading)));
  parser.on('text', (text) => readText(reading, text));
  parser.on('cdata', (text) => readText(reading, text));
}

function refusal(reading: Reading, sentence: string, expression = reading.frame?.path): OutcomeError {
  return outcomeError('structure', `${sentence} (line ${reading.parser.line}).`, {
    status: 400,
    ...(expression !== undefined && { expression }),
  });
}

function readText(reading: Reading, text: string): void {
  if (reading.narrative) {
    reading.narrative.text(text);
  } else if (/\S/.test(text)) {
    throw refusal(reading, 'Text between elements is not allowed in FHIR XML');
  }
}

function openTag(reading: Reading, tag: SaxesTagNS): void {
  const { frame } = reading;
  if (frame?.shape === undefined) {
    openResource(reading, tag);
  } else {
    openElement(reading, frame, tag);
  }
}

function openResource(reading: Reading, tag: SaxesTagNS): void {
  const { frame } = reading;
  const shape = isResourceType(tag.local) ? shapeOf(tag.local) : undefined;
  if (shape === undefined || tag.uri !== fhirNamespace) {
    const place = frame ? 'A resource' : 'The root element: a resource';
    throw refusal(reading, `${place} of the namespace ${fhirNamespace} is expected, not "${shortened(tag.name)}"`);
  }
  if (frame && Object.keys(frame.object).length > 0) {
    throw refusal(reading, 'Only one resource is allowed here');
  }
  push(reading, {
    shape,
    property: undefined,
    parent: frame,
    path: frame?.path ?? tag.local,
    depth: (frame?.depth ?? 0) + 1,
    object: { resourceType: tag.local },
    value: undefined,
    text: undefined,
    order: 0,
  });
  applyAttributes(reading, tag);
}

function openElement(reading: Reading, parent: Frame, tag: SaxesTagNS): void {
  const property = elementOf(reading, parent, tag);
  const repeated = isRepeated(property);
  const path = `${parent.path}.${property.element.name}`;
  if (!repeated && isPresent(parent.object, property.name)) {
    throw refusal(reading, `The element "${property.name}" is allowed only once`, path);
  }
  if (property.type.code === 'xhtml') {
    reading.narrative = narrativeReader(reading.text, reading.text.lastIndexOf('<', reading.parser.position - 1));
    return openXhtml(reading, tag);
  }
  push(reading, {
    shape: isPrimitive(property.type.code) ? shapeOf('Element') : propertyShape(property),
    property,
    parent,
    path: repeated ? `${path}[${repetitions(parent.object, property.name)}]` : path,
    depth: parent.depth + (repeated ? 1 : 0) + (property.type.code === 'Resource' ? 0 : 1),
    object: {},
    value: undefined,
    text: undefined,
    order: 0,
  });
  applyAttributes(reading, tag);
}

/** The definition of a child element, which must not come before those already seen. */
function elementOf(reading: Reading, parent: Frame, tag: SaxesTagNS): Property {
  const shape = parent.shape;
  const property = shape?.properties.get(tag.local);
  const namespace = property?.type.code === 'xhtml' ? xhtmlNamespace : fhirNamespace;
  const path = `${parent.path}.${shortened(tag.local)}`;
  if (!shape || !property || property.element.isXmlAttribute) {
    throw refusal(reading, `The element "${shortened(tag.name)}" is not known here`, path);
  }
  if (tag.uri !== namespace) {
    throw refusal(reading, `The element "${shortened(tag.name)}" must be of the namespace ${namespace}`, path);
  }
  parent.order = shape.elements.indexOf(property.element, parent.order);
  if (parent.order < 0) {
    throw refusal(reading, `The element "${property.name}" must come before the element in front of it`, path);
  }
  return property;
}

function push(reading: Reading, frame: Frame): void {
  if (frame.depth > reading.depth) {
    throw refusal(reading, `Elements may be nested at most ${reading.depth} levels deep, counted as in JSON`);
  }
  reading.frame = frame;
}

function applyAttributes(reading: Reading, tag: SaxesTagNS): void {
  const problem = readAttributes(reading.frame as Frame, Object.values(tag.attributes));
  if (problem !== undefined) {
    throw refusal(reading, problem);
  }
}

function closeTag(reading: Reading): void {
  const frame = reading.frame as Frame;
  const { property, parent, object } = frame;
  if (frame.value === undefined && Object.keys(object).length === 0) {
    const rule = frame.shape ? 'must have a value, an attribute or a child element' : 'must hold a resource';
    throw refusal(reading, `The element "${property?.name}" ${rule}`);
  }
  alignPrimitives(object);
  reading.frame = parent;
  if (!parent) {
    reading.root = object;
  } else if (property) {
    addMember(parent.object, property, frame);
  } else {
    Object.assign(parent.object, object);
  }
}

function openXhtml(reading: Reading, tag: SaxesTagNS): void {
  const problem = reading.narrative?.open(tag);
  if (problem !== undefined) {
    throw refusal(reading, problem);
  }
}

function closeXhtml(reading: Reading, tag: SaxesTagNS): void {
  const div = reading.narrative?.close(tag, reading.parser.position);
  if (div !== undefined) {
    (reading.frame as Frame).object['div'] = div;
    reading.narrative = undefined;
  }
}
