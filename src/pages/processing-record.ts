/** The record of processing and the beginning of an assessment of impact, to read and to print. */
import { html, type Piece } from './html.ts';
import { dateText } from './moment.ts';
import {
  codeText,
  isolated,
  moment,
  numberText,
  reportText,
  type ReportHead,
  type Section,
} from './report-document.ts';
import { list, thingWords } from './report-words.ts';
import type { Texts } from './texts/en.ts';

type Words = Texts['processing'];

interface Measured {
  readonly name: keyof Words['measures'];
  readonly state: keyof Words['states'];
  readonly detail?: string;
}

interface Company {
  readonly name: string;
  readonly service: string;
  readonly country: string;
  readonly safeguard?: string;
  readonly noticed: string;
  readonly objectUntil: string;
  readonly starts: string;
  readonly objection?: { readonly at: string; readonly reason: string };
}

export interface ProcessingData {
  readonly laboratory: { readonly title: string };
  readonly made: string;
  readonly controller: string | undefined;
  readonly officer: string | undefined;
  readonly residency: readonly string[];
  readonly activities: readonly {
    readonly purpose: keyof Words['purposes'];
    readonly subjects: readonly (keyof Words['subjects'])[];
    readonly held: readonly { readonly type: string; readonly count: number }[];
  }[];
  readonly recipients: readonly {
    readonly name: string;
    readonly scope: string;
    readonly since: string | undefined;
    readonly dynamic: boolean;
  }[];
  readonly subProcessors: readonly Company[];
  readonly transfers: readonly Company[];
  readonly rules: readonly {
    readonly category: keyof Words['categories'];
    readonly period: string | undefined;
    readonly basis: string;
    readonly removes: boolean;
  }[];
  readonly measures: readonly Measured[];
  readonly scale: Readonly<Record<keyof Words['scale'], number>>;
  readonly risks: readonly Measured[];
}

export function processingPage(texts: Texts, data: ProcessingData, zone: string): string {
  const { processing } = texts;
  const head: ReportHead = {
    laboratory: data.laboratory.title,
    made: data.made,
    from: undefined,
    to: undefined,
    zone,
    partial: false,
  };
  const said = (text: string | undefined): Piece => (text === undefined ? processing.notSaid : isolated(text));
  return reportText(texts, head, {
    title: processing.title,
    facts: [
      [processing.about, processing.subtitle],
      [processing.controller, said(data.controller)],
      [processing.officer, said(data.officer)],
      [processing.residency, said(data.residency.length === 0 ? undefined : data.residency.join(', '))],
    ],
    sections: [
      activities(texts, data),
      recipients(texts, head, data),
      subProcessors(texts, data),
      transfers(texts, data),
      retention(texts, data),
      measured(texts, processing.sections.measures, data.measures),
      impact(texts, data),
      questions(texts),
    ],
  });
}

/** Where there is nothing, that is said. */
function section(
  texts: Texts,
  title: string,
  columns: readonly string[],
  rows: readonly (readonly Piece[])[],
): Section {
  if (rows.length === 0) return { title, text: html`<p>${texts.processing.none}</p>` };
  return { title, table: { columns, rows } };
}

function activities(texts: Texts, { activities: all }: ProcessingData): Section {
  const { sections, columns, purposes, subjects } = texts.processing;
  return section(
    texts,
    sections.activities,
    [columns.purpose, columns.subjects, columns.data],
    all.map(({ purpose, subjects: who, held }) => [
      purposes[purpose],
      list(who.map((one) => subjects[one])),
      list(held.map(({ type, count }) => html`${isolated(thingWords(texts, type))} (${numberText(texts, count)})`)),
    ]),
  );
}

function recipients(texts: Texts, head: ReportHead, { recipients: all }: ProcessingData): Section {
  const { sections, columns, registeredItself } = texts.processing;
  return section(
    texts,
    sections.recipients,
    [columns.name, columns.scope, columns.since],
    all.map(({ name, scope, since, dynamic }) => [
      html`${isolated(name)} ${dynamic && html`(${registeredItself})`}`,
      codeText(scope),
      since === undefined ? undefined : moment(texts, head, since),
    ]),
  );
}

function subProcessors(texts: Texts, { subProcessors: all }: ProcessingData): Section {
  const { sections, columns } = texts.processing;
  const named = [columns.name, columns.service, columns.country, columns.safeguard];
  return section(
    texts,
    sections.subProcessors,
    [...named, columns.noticed, columns.objectUntil, columns.starts, columns.objection],
    all.map((one) => [
      ...company(one),
      dateText(texts, one.noticed),
      dateText(texts, one.objectUntil),
      dateText(texts, one.starts),
      one.objection && html`${dateText(texts, one.objection.at.slice(0, 10))} ${isolated(one.objection.reason)}`,
    ]),
  );
}

function transfers(texts: Texts, { transfers: all }: ProcessingData): Section {
  const { sections, columns } = texts.processing;
  const names = [columns.name, columns.service, columns.country, columns.safeguard];
  return section(texts, sections.transfers, names, all.map(company));
}

function company({ name, service, country, safeguard }: Company): Piece[] {
  return [isolated(name), isolated(service), codeText(country), safeguard && isolated(safeguard)];
}

function retention(texts: Texts, { rules }: ProcessingData): Section {
  const { sections, columns, categories, untilSaid, yes, no } = texts.processing;
  return section(
    texts,
    sections.retention,
    [columns.category, columns.period, columns.basis, columns.removes],
    rules.map(({ category, period, basis, removes }) => [
      categories[category],
      period === undefined ? untilSaid : codeText(period),
      isolated(basis),
      removes ? yes : no,
    ]),
  );
}

function measured(texts: Texts, title: string, all: readonly Measured[]): Section {
  const { columns, measures, states } = texts.processing;
  return section(
    texts,
    title,
    [columns.measure, columns.state, columns.detail],
    all.map(({ name, state, detail }) => [measures[name], states[state], detail && codeText(detail)]),
  );
}

function impact(texts: Texts, { scale, risks }: ProcessingData): Section {
  const { sections, measures, states, scale: words, risksNote } = texts.processing;
  const sizes = Object.entries(scale) as [keyof Words['scale'], number][];
  return {
    title: sections.impact,
    text: html`<ul>
        ${sizes.map(([name, count]) => html`<li>${words[name]}: ${numberText(texts, count)}</li>`)}
      </ul>
      <p>${risksNote}</p>
      <ul>
        ${risks.map(({ name, state }) => html`<li>${measures[name]} – ${states[state]}</li>`)}
      </ul>`,
  };
}

function questions(texts: Texts): Section {
  const { sections, questions: all } = texts.processing;
  return {
    title: sections.questions,
    text: html`<ol>
      ${Object.values(all).map((question) => html`<li>${question}</li>`)}
    </ol>`,
  };
}
