/**
 * A document that was made is kept: the file as a Binary (encrypted by the file store, its security context the report), a
 * DocumentReference that names it, the Provenance of both with a signature, and the row by which its code is found. All in
 * one transaction, with the rights of the server.
 *
 * The SHA-256 of the file stands in the DocumentReference as a name (RFC 6920), and so in what is signed.
 * https://hl7.org/fhir/R4/documentreference.html
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../fhir/json.ts';
import { withFile } from '../../../interactions/binary-files.ts';
import { inTransaction } from '../../../interactions/commit.ts';
import { newId } from '../../../interactions/new-id.ts';
import { countFile } from '../../../interactions/storage.ts';
import { commitAll } from '../../../interactions/commit.ts';
import { extensionUrl, loincSystem, object, objects, text } from '../../../laboratory/terms.ts';
import type { Context } from '../../../request.ts';
import { addBinaryFile, type BinaryFile } from '../../../store/binary-files.ts';
import { addDocument, documentsOf, type ReportDocument } from '../../../store/report-documents.ts';
import { signedProvenance } from '../results/signature.ts';
import { asServer, changed, made, writeAll, writtenResource } from '../server-rights.ts';
import { knownBy } from '../specimens-and-orders.ts';
import type { Core } from './gather.ts';

export interface Keeping {
  readonly bytes: Buffer;
  readonly content: Buffer;
  readonly form: string;
  readonly codeDigest: Buffer;
  readonly title: string;
  readonly languages: readonly string[];
}

const alreadyThere = Symbol('already there');

/** Undefined where somebody else stored the same meanwhile. */
export async function keepDocument(
  context: Context,
  core: Core,
  keeping: Keeping,
): Promise<ReportDocument | undefined> {
  const content = { resource: {}, contentType: 'application/pdf', content: keeping.bytes, raw: true };
  try {
    return await withFile(context, content, (file) =>
      inTransaction(context, (inside) => write(inside, core, { ...keeping, file })),
    );
  } catch (error) {
    if (error === alreadyThere) return undefined;
    throw error;
  }
}

async function write(inside: Context, core: Core, keeping: Keeping & { file: BinaryFile }): Promise<ReportDocument> {
  const server = asServer(inside);
  const { file } = keeping;
  const [binaryId, documentId, now] = [newId(), newId(), new Date()];
  const document: ReportDocument = {
    codeDigest: keeping.codeDigest,
    rid: core.stored.rid,
    report: core.stored.id,
    content: keeping.content,
    form: keeping.form,
    binaryId,
    documentId,
    sha256: file.sha256,
    status: text(core.report['status']) ?? 'unknown',
    made: now,
  };
  const older = await olderOf(inside, core, document);
  if (!(await addDocument(inside.session, document))) throw alreadyThere;
  const binary = made(server, binaryOf(core), binaryId);
  const [written] = await commitAll(server, [binary]);
  if (written === undefined) throw new Error('A new id was taken already.');
  await addBinaryFile(inside.session, written, file);
  countFile(inside, file.size);
  const reference = made(server, documentReference(inside, core, { ...keeping, document }), documentId);
  await writeAll(server, [reference]);
  await supersede(server, older);
  await writeAll(server, [made(server, await provenanceOf(inside, core, writtenResource(reference)))]);
  return document;
}

function binaryOf(core: Core): JsonObject {
  const [first, ...others] = toldIn(core);
  const extension = others.map((reference) => ({
    url: extensionUrl('security-context'),
    valueReference: { reference },
  }));
  return {
    resourceType: 'Binary',
    ...labelled(core),
    contentType: 'application/pdf',
    securityContext: { ...(extension.length > 0 && { extension }), reference: first ?? '' },
  };
}

/** The reports that it tells, and the orders that it waits for: that by which its documents are kept comes first. */
function toldIn({ stored, parts, orders }: Core): string[] {
  const reports = parts.map(({ id }) => `DiagnosticReport/${String(id)}`);
  const awaited = orders.map(({ id }) => `ServiceRequest/${String(id)}`);
  return [...new Set([`DiagnosticReport/${stored.id}`, ...reports, ...awaited])];
}

/** All labels of what it tells. */
function labelled({ report, parts, orders, results, specimens, patient }: Core): JsonObject {
  const resources = [report, ...parts, ...orders, ...results.values(), ...specimens, patient ?? {}];
  const labels = new Map(
    resources.flatMap((one) =>
      objects(object(one['meta'])['security']).map(
        (label) => [`${text(label['system'])}|${text(label['code'])}`, label] as const,
      ),
    ),
  );
  return labels.size === 0 ? {} : { meta: { security: [...labels.values()] } };
}

/** DiagnosticReport.status → DocumentReference.docStatus */
const docStatus: Readonly<Record<string, string>> = {
  registered: 'preliminary',
  preliminary: 'preliminary',
  partial: 'preliminary',
  final: 'final',
  corrected: 'amended',
  amended: 'amended',
  appended: 'amended',
  cancelled: 'entered-in-error',
  'entered-in-error': 'entered-in-error',
};

function documentReference(
  { tenant }: Context,
  core: Core,
  { bytes, title, languages, document }: Keeping & { document: ReportDocument },
): JsonObject {
  const { report, parts } = core;
  const name = `ni:///sha-256;${Buffer.from(document.sha256, 'hex').toString('base64url')}`;
  return {
    resourceType: 'DocumentReference',
    ...labelled(core),
    masterIdentifier: { system: 'urn:ietf:rfc:3986', value: name },
    status: 'current',
    docStatus: docStatus[document.status] ?? 'preliminary',
    type: { coding: [{ system: loincSystem, code: '11502-2', display: 'Laboratory report' }] },
    ...(report['subject'] !== undefined && { subject: report['subject'] }),
    date: document.made.toISOString(),
    author: [{ display: tenant.title }],
    content: [
      {
        attachment: {
          contentType: 'application/pdf',
          language: languages[0] ?? 'en',
          url: `Binary/${document.binaryId}`,
          size: bytes.length,
          hash: createHash('sha1').update(bytes).digest('base64'),
          title,
          creation: document.made.toISOString(),
        },
      },
    ],
    context: { related: relatedTo(document.report, parts) },
  };
}

function relatedTo(report: string, parts: readonly JsonObject[]): JsonObject[] {
  const ids = new Set([report, ...parts.map(({ id }) => String(id))]);
  return [...ids].map((id) => ({ reference: `DiagnosticReport/${id}` }));
}

/** Documents of the same kind that tell something else. */
async function olderOf(inside: Context, { rids }: Core, { form, content }: ReportDocument): Promise<ReportDocument[]> {
  const kindIn = (of: string): string => of.split(' ')[0] ?? '';
  const all: ReportDocument[] = [];
  for (const rid of rids) all.push(...(await documentsOf(inside.session, rid)));
  return all.filter((one) => kindIn(one.form) === kindIn(form) && !one.content.equals(content));
}

/** Older documents of the report are superseded by this one. */
async function supersede(server: Context, older: readonly ReportDocument[]): Promise<void> {
  const ids = older.map(({ documentId }) => documentId);
  if (ids.length === 0) return;
  const known = await knownBy(server, 'DocumentReference', [['_id', ids.join()]]);
  const current = known.filter(({ resource }) => resource['status'] === 'current');
  await writeAll(
    server,
    current.map(({ resource, version }) => changed(server, { ...resource, status: 'superseded' }, version)),
  );
}

async function provenanceOf(inside: Context, { parts }: Core, written: JsonObject): Promise<JsonObject> {
  const who = { display: inside.tenant.title, identifier: { value: inside.tenant.name } };
  const versions = parts.map(
    ({ id, meta }) => `DiagnosticReport/${String(id)}/_history/${text(object(meta)['versionId']) ?? '1'}`,
  );
  return {
    ...(await signedProvenance(inside, [written], who)),
    activity: { coding: [{ system: 'urn:makhbar:result-step', code: 'report' }] },
    ...(versions.length > 0 && { entity: versions.map((reference) => ({ role: 'source', what: { reference } })) }),
  };
}
