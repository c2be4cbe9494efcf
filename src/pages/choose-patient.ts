/**
 * Whose records an app gets to see (launch/patient).
 *
 * Two forms to `action`, both with `csrf`: one posts `search` (a name in an address would end up in logs, so it is not
 * a GET), the other `patient` with the id of the chosen one.
 */
import { documentText, type Frame } from './document.ts';
import { field, postForm, problemList, submitButton, type Posting } from './form.ts';
import { html, type Html } from './html.ts';
import { dateText } from './moment.ts';
import type { Texts } from './texts/en.ts';

export interface PatientChoice {
  readonly id: string;
  /** As a person would write it. */
  readonly name?: string | undefined;
  readonly birthDate?: string | undefined;
  readonly gender?: string | undefined;
  /** Numbers by which the laboratory knows the patient. */
  readonly identifiers: readonly string[];
}

export interface ChoosePatientData extends Frame, Posting {
  readonly app: string;
  /** What was searched for. */
  readonly search?: string | undefined;
  readonly patients: readonly PatientChoice[];
  /** There are more than these. */
  readonly more: boolean;
  readonly problem?: 'missing' | 'gone' | undefined;
  /** Where a form without fields goes that sends the user back to the app. */
  readonly cancel?: string | undefined;
}

export function choosePatientPage(texts: Texts, data: ChoosePatientData): string {
  const { choosePatient, common } = texts;
  const problem = data.problem && choosePatient.problems[data.problem];
  const at = data.patients.length > 0 ? 'patient-0' : 'search';
  const content = html` <p class="lead">${choosePatient.lead(data.app)}</p>
    ${problemList(texts, problem === undefined ? [] : [{ text: problem, field: at }])} ${searchForm(texts, data)}
    ${data.patients.length === 0 ? nobody(texts, data) : postForm(data, list(texts, data))}
    ${data.cancel !== undefined && postForm({ action: data.cancel, csrf: data.csrf }, submitButton(common.cancel, 'plain'))}`;
  return documentText(texts, data, { title: choosePatient.title, content, failed: problem !== undefined });
}

function searchForm({ choosePatient }: Texts, data: ChoosePatientData): Html {
  const input = field({
    name: 'search',
    type: 'search',
    label: choosePatient.search,
    hint: choosePatient.searchHint,
    autocomplete: 'off',
    optional: true,
    first: data.problem === undefined,
    value: data.search,
  });
  return html`<search>
    ${postForm(data, html`<div class="row">${input}${submitButton(choosePatient.find, 'plain')}</div>`)}
  </search>`;
}

function nobody({ choosePatient }: Texts, { search = '' }: ChoosePatientData): Html {
  return html`<p class="notice" role="status">
    ${search === '' ? choosePatient.noneYet : choosePatient.none(search)}
  </p>`;
}

function list(texts: Texts, { patients, more }: ChoosePatientData): Html {
  const { choosePatient } = texts;
  return html`<fieldset>
      <legend>${choosePatient.found}</legend>
      <ul class="choices">
        ${patients.map((patient, at) => choice(texts, patient, at))}
      </ul>
      ${more && html`<p class="hint">${choosePatient.more}</p>`}
    </fieldset>
    ${submitButton(choosePatient.submit)}`;
}

function choice({ choosePatient, ...texts }: Texts, patient: PatientChoice, at: number): Html {
  const { name, birthDate, gender, identifiers } = patient;
  const sex = gender !== undefined && Object.hasOwn(choosePatient.genders, gender) ? gender : undefined;
  const facts = [
    birthDate !== undefined && choosePatient.born(dateText({ ...texts, choosePatient }, birthDate)),
    sex !== undefined && choosePatient.genders[sex as keyof typeof choosePatient.genders],
    ...identifiers.map((identifier) => html`<bdi>${identifier}</bdi>`),
  ].filter((fact) => fact !== false);
  return html`<li>
    <label for="patient-${at}"
      ><input type="radio" id="patient-${at}" name="patient" value="${patient.id}" required />
      <span
        ><strong><bdi>${name ?? choosePatient.unnamed}</bdi></strong>
        <span class="facts">${facts.map((fact) => html`<span>${fact}</span>`)}</span></span
      ></label
    >
  </li>`;
}
