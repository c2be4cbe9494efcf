/** The table of all sections, in the order of the specification: the only place to register one. */
import type { Section } from './case.ts';
import { batch, otherBundles } from './cases/batch.ts';
import { capabilities } from './cases/capabilities.ts';
import { conditionalUpdate } from './cases/conditional-update.ts';
import { asynchronous, binary, decimalPrecision } from './cases/content.ts';
import { contentTypes, fhirVersion } from './cases/content-types.ts';
import { conditionalCreate, create, prefer } from './cases/create.ts';
import { conditionalDelete, deletion } from './cases/delete.ts';
import { fhirpathPatch } from './cases/fhirpath-patch.ts';
import { generalParameters } from './cases/general-parameters.ts';
import { customHeaders, head, security, statusCodes } from './cases/headers.ts';
import { history } from './cases/history.ts';
import { everything, metaOperations, operations, validate } from './cases/operations.ts';
import { conditionalPatch, patch } from './cases/patch.ts';
import { conditionalRead, read, vread } from './cases/read.ts';
import { paging, search, variantSearches } from './cases/search.ts';
import { serviceBase, versioning } from './cases/service-base.ts';
import { conditionalReferences, transactionReferences } from './cases/transaction-references.ts';
import { transaction } from './cases/transaction.ts';
import { concurrency, update, updateAsCreate } from './cases/update.ts';

export const sections: readonly Section[] = [
  serviceBase,
  versioning,
  security,
  statusCodes,
  prefer,
  contentTypes,
  fhirVersion,
  ...generalParameters,
  head,
  customHeaders,
  read,
  conditionalRead,
  vread,
  update,
  updateAsCreate,
  conditionalUpdate,
  concurrency,
  patch,
  fhirpathPatch,
  conditionalPatch,
  deletion,
  conditionalDelete,
  create,
  conditionalCreate,
  search,
  variantSearches,
  paging,
  capabilities,
  batch,
  otherBundles,
  transaction,
  transactionReferences,
  conditionalReferences,
  history,
  operations,
  validate,
  metaOperations,
  everything,
  decimalPrecision,
  binary,
  asynchronous,
];
