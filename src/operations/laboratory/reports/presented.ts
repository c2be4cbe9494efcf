/** DiagnosticReport.presentedForm of the documents that this server made: their Binaries. Those of others are left. */
import type { JsonObject } from '../../../fhir/json.ts';
import { objects, text } from '../../../laboratory/terms.ts';

/** A report that changes loses the documents that told what it was. */
export function withoutPresented(report: JsonObject): JsonObject {
  const { presentedForm, ...rest } = report;
  const others = objects(presentedForm).filter(({ url }) => text(url)?.startsWith('Binary/') !== true);
  return others.length === 0 ? rest : { ...rest, presentedForm: others };
}

export function withPresented(report: JsonObject, made: readonly JsonObject[]): JsonObject {
  return { ...report, presentedForm: [...objects(withoutPresented(report)['presentedForm']), ...made] };
}
