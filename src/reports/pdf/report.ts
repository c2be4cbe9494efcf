/**
 * A report as PDF/A-2b (ISO 19005-2), A4: letterhead, patient and order, specimens, results by section, conclusion, who
 * answers for it, the code to check it; page x of y on each.
 */
import type { ReportModel } from '../model.ts';
import { unmarked } from '../written.ts';
import { drawFeet } from './feet.ts';
import { drawHead } from './head.ts';
import { drawPeople } from './people.ts';
import { beginPage, type Place } from './place.ts';
import { closeSheet, openSheet } from './sheet.ts';
import { drawResults } from './results.ts';
import { drawSpecimens } from './specimens.ts';

export async function reportPdf(model: ReportModel): Promise<Buffer> {
  const sheet = openSheet(model.direction, {
    title: model.title.join(' / '),
    author: unmarked(model.letterhead.name),
    language: model.languages[0] ?? 'en',
  });
  const place: Place = { sheet, model, y: 0 };
  beginPage(place);
  drawHead(place);
  drawSpecimens(place);
  drawResults(place);
  drawPeople(place);
  drawFeet(place);
  return closeSheet(sheet);
}
