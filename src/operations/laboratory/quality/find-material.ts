/** The control material that an analyzer names, and what was measured of it in the units of the catalogue. */
import type { JsonObject } from '../../../fhir/json.ts';
import { outcomeError } from '../../../fhir/outcome.ts';
import { parseStored } from '../../../interactions/document.ts';
import { findMatches } from '../../../interactions/matches.ts';
import { readDefinition, type AnalyteDefinition } from '../../../laboratory/definition.ts';
import {
  inOwnUnit,
  isExpired,
  ownTarget,
  readControlMaterial,
  type ControlMaterial,
} from '../../../laboratory/quality/control-material.ts';
import { tokensOf } from '../../../laboratory/result/observation.ts';
import { catalogueSystem } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import type { MeasuredControl } from './store-controls.ts';

/** Materials of one name, and versions of the definitions of one material. */
const [mostMaterials, mostDefinitions] = [50, 1_000];

export interface Named {
  /** As the analyzer calls it. */
  readonly name: string;
  /** `Device/1` */
  readonly device: string;
  /** When it was measured. */
  readonly time: string;
}

/** @throws OutcomeError `business-rule` (422) where there is none, or there are several that it could be. */
export async function findMaterial(server: Context, { name, device, time }: Named): Promise<ControlMaterial> {
  const escaped = name.replaceAll(/[\\$,|]/g, '\\$&');
  const found = await findMatches(server, 'Substance', [['identifier', escaped]], mostMaterials);
  const materials = found.flatMap(({ text }) => readControlMaterial(parseStored(text)) ?? []);
  const meant = materials.filter(({ devices }) => devices.length === 0 || devices.includes(device));
  const [first, second] = meant.filter((one) => !isExpired(one, time));
  const shown = name.slice(0, 80);
  if (second !== undefined) {
    throw outcomeError('business-rule', `Several control materials are called "${shown}" on ${device}.`);
  }
  if (first !== undefined) return first;
  const sentence =
    meant[0] === undefined
      ? `No control material is called "${shown}" on ${device}: a Substance with this identifier says its lot, level and targets.`
      : `The control material "${shown}" expired ${meant[0].expiry ?? ''}.`;
  throw outcomeError('business-rule', sentence);
}

export interface Sent {
  /** A code of the catalogue, or `system|code` of any coding of the analyte. */
  readonly analyte: string;
  readonly value: string;
  /** UCUM; that of the analyte where there is none. */
  readonly unit?: string;
  readonly derivedFrom?: string;
}

/** @throws OutcomeError `business-rule`, `value` (422) for an analyte that it has no target for, a unit that cannot be converted. */
export async function measuredOfMaterial(
  server: Context,
  name: string,
  { level, targets }: ControlMaterial,
  sent: readonly Sent[],
): Promise<MeasuredControl[]> {
  const definitions = await definitionsOf(
    server,
    targets.map(({ analyte }) => analyte),
  );
  return sent.map(({ analyte, value, unit, derivedFrom }) => {
    const definition = definitions.find((one) => isOf(one, analyte));
    const target = targets.find((one) => one.analyte === definition?.code);
    if (definition === undefined || target === undefined) {
      const has = targets.map((one) => one.analyte).join(', ');
      throw outcomeError(
        'business-rule',
        `The control material "${name.slice(0, 80)}" has no analyte ${analyte.slice(0, 80)}; it has ${has.slice(0, 400)}.`,
      );
    }
    if (target.sd !== undefined && !(Number(target.sd) > 0)) {
      throw outcomeError('value', `The standard deviation of ${target.analyte} in "${name.slice(0, 80)}" is above 0.`);
    }
    return {
      ...{ analyte: target.analyte, level, value: inOwnUnit(definition, value, unit) },
      ...ownTarget(definition, target),
      ...(definition.unit && { unit: definition.unit.code }),
      ...(derivedFrom !== undefined && { derivedFrom }),
    };
  });
}

/** As the catalogue has them now. */
async function definitionsOf(server: Context, codes: readonly string[]): Promise<AnalyteDefinition[]> {
  const plain = codes.filter((code) => /^[\w.-]+$/.test(code)).map((code) => `${catalogueSystem}|${code}`);
  if (plain.length === 0) return [];
  const found = await findMatches(server, 'ObservationDefinition', [['identifier', plain.join()]], mostDefinitions);
  const sorted = found.toSorted((a, b) => b.lastUpdated.localeCompare(a.lastUpdated));
  const newest = new Map<string, AnalyteDefinition>();
  for (const { text } of sorted) {
    const definition = readDefinition(parseStored(text));
    if (definition.code !== undefined && !newest.has(definition.code)) newest.set(definition.code, definition);
  }
  return [...newest.values()];
}

function isOf({ code, codings }: AnalyteDefinition, analyte: string): boolean {
  return code === analyte || tokensOf({ coding: [...codings] as JsonObject[] }).includes(analyte);
}
