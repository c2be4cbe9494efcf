/**
 * A resource as it is stored and answered: one JSON text that begins with resourceType, id and meta, so that the
 * version and its time can be put in without parsing or printing the rest again.
 */
import { jsonbSafe, parseJson, serializeJson, type JsonObject } from '../fhir/json.ts';
import { timeMark, versionMark } from '../store/write.ts';

export interface Document {
  /** For jsonb: without meta.versionId and meta.lastUpdated, which the store adds. */
  readonly content: string;
  /** Where jsonb would change a number: the text with the store's marks. */
  readonly exact: string | null;
  /** The text of a version as it is answered. */
  text(version: number | string, lastUpdated: string): string;
}

/** Makes the document of a resource under an id; what the client said of version and time is dropped. */
export function makeDocument(resource: JsonObject, id: string): Document {
  const { resourceType, id: _id, meta, ...rest } = resource;
  const { versionId: _version, lastUpdated: _time, ...kept } = (meta ?? {}) as JsonObject;
  const head = `{"resourceType":${JSON.stringify(resourceType)},"id":${JSON.stringify(id)},"meta":{`;
  const metaText = serializeJson(kept).slice(1);
  const restText = serializeJson(rest);
  const tail = restText === '{}' ? '}' : `,${restText.slice(1)}`;
  const text = (version: number | string, lastUpdated: string): string =>
    `${head}"versionId":"${version}","lastUpdated":"${lastUpdated}"${metaText === '}' ? '' : ','}${metaText}${tail}`;
  return {
    content: `${head}${metaText}${tail}`,
    exact: jsonbSafe(resource) ? null : text(versionMark, timeMark),
    text,
  };
}

/** A stored text as a value. */
export function parseStored(text: string): JsonObject {
  return parseJson(text) as JsonObject;
}
