/**
 * A Levey-Jennings chart: results of a control against its mean and standard deviations, with the rules that they broke.
 * S Levey, ER Jennings. The use of control charts in the clinical laboratory. Am J Clin Pathol 1950,20:1059-66
 *
 * The picture is SVG without script, style sheet or anything from outside; texts are escaped.
 */
import { judge, type ControlPoint, type Judged, type WestgardRule } from './westgard.ts';

export interface ChartPoint extends ControlPoint {
  /** FHIR dateTime. */
  readonly time: string;
}

/** Something was done to the analyzer. */
export interface ChartMark {
  readonly time: string;
  /** `calibration`, `reagent-lot` */
  readonly kind: string;
  readonly lot?: string;
  readonly note?: string;
}

export interface ChartedPoint extends ChartPoint, Judged {}

export interface LevelFigures {
  readonly level: string;
  readonly count: number;
  readonly mean: number;
  /** Of a sample; undefined for fewer than two results. */
  readonly sd?: number;
  /** Percent of the mean. */
  readonly cv?: number;
}

export interface Chart {
  readonly title: string;
  readonly points: readonly ChartedPoint[];
  readonly levels: readonly LevelFigures[];
}

export function chartOf(title: string, points: readonly ChartPoint[], rules: readonly WestgardRule[]): Chart {
  const judged = judge(points, rules);
  const byLevel = Map.groupBy(points, ({ level }) => level);
  return {
    title,
    points: points.map((point, i) => ({ ...point, ...judged[i]! })),
    levels: [...byLevel].map(([level, own]) => ({ level, ...figures(own.map(({ value }) => value)) })),
  };
}

/** Welford's sums: stable where a standard deviation is small against the mean. */
export function figures(values: readonly number[]): Omit<LevelFigures, 'level'> {
  let [mean, squares] = [0, 0];
  values.forEach((value, i) => {
    const before = value - mean;
    mean += before / (i + 1);
    squares += before * (value - mean);
  });
  if (values.length < 2) return { count: values.length, mean: rounded(mean) };
  const sd = Math.sqrt(squares / (values.length - 1));
  const cv = mean === 0 ? {} : { cv: rounded((100 * sd) / Math.abs(mean)) };
  return { count: values.length, mean: rounded(mean), sd: rounded(sd), ...cv };
}

function rounded(value: number): number {
  return Number(value.toPrecision(10));
}

const [width, height, left, top] = [900, 360, 60, 40];
const plot = { width: width - left - 20, height: height - top - 40 };
/** The scale ends at four standard deviations; what is beyond stands on the edge. */
const edge = 4;

const colours = ['#0b5d63', '#8a4b08', '#5b3a8e', '#375a1e', '#8e1b4f'];

export function chartSvg({ title, points, levels }: Chart, marks: readonly ChartMark[] = []): string {
  const lines = [-3, -2, -1, 0, 1, 2, 3].map(limitLine);
  const own = levels.map(({ level }, i) => levelMarks(points, level, colours[i % colours.length]!));
  const legend = levels.map(({ level }, i) => legendOf(level, i)).join('');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title><rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="18" font-size="14">${escaped(title)}</text>${legend}`,
    ...lines,
    ...marks.map((one) => markLine(one, points)),
    ...own,
    '</svg>',
  ].join('\n');
}

function yOf(z: number): number {
  const inside = Math.max(-edge, Math.min(edge, z));
  return Math.round((top + (plot.height * (edge - inside)) / (2 * edge)) * 10) / 10;
}

function xOf(index: number, count: number): number {
  return Math.round((left + (plot.width * (index + 0.5)) / count) * 10) / 10;
}

function limitLine(z: number): string {
  const colour = { 0: '#222', 1: '#bbb', 2: '#c58b00', 3: '#b3261e' }[Math.abs(z)];
  const name = z === 0 ? 'x̄' : `${z > 0 ? '+' : '−'}${Math.abs(z)}s`;
  const y = yOf(z);
  return `<line x1="${left}" x2="${left + plot.width}" y1="${y}" y2="${y}" stroke="${colour}"${z === 0 ? '' : ' stroke-dasharray="4 3"'}/><text x="${left - 8}" y="${y + 4}" text-anchor="end">${name}</text>`;
}

/** Before the first point that was measured after it. */
function markLine({ time, kind, lot }: ChartMark, points: readonly ChartedPoint[]): string {
  const after = points.filter((point) => Date.parse(point.time) < Date.parse(time)).length;
  const x = xOf(after - 0.5, Math.max(points.length, 1));
  const told = escaped([time, kind, ...(lot === undefined ? [] : [lot])].join(' · '));
  return `<line class="mark" x1="${x}" x2="${x}" y1="${top}" y2="${top + plot.height}" stroke="#1e4e8e" stroke-dasharray="2 2"><title>${told}</title></line>`;
}

function levelMarks(points: readonly ChartedPoint[], level: string, colour: string): string {
  const own = points
    .map((point, i) => ({ point, x: xOf(i, points.length) }))
    .filter((one) => one.point.level === level);
  const path = own.map(({ point, x }) => `${x},${yOf(point.z)}`).join(' ');
  const marks = own.map(({ point, x }) => mark(point, x, colour));
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-opacity="0.5"/>${marks.join('')}`;
}

function mark(point: ChartedPoint, x: number, colour: string): string {
  const fill = point.rejected ? '#b3261e' : point.broken.length > 0 ? '#c58b00' : colour;
  const told = [point.time, point.level, String(point.value), `z ${point.z}`, ...point.broken].join(' · ');
  return `<circle cx="${x}" cy="${yOf(point.z)}" r="${point.rejected ? 5 : 3}" fill="${fill}"><title>${escaped(told)}</title></circle>`;
}

function legendOf(level: string, index: number): string {
  const x = left + index * 140;
  return `<circle cx="${x + 4}" cy="30" r="4" fill="${colours[index % colours.length]}"/><text x="${x + 14}" y="34">${escaped(level)}</text>`;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (one) => entities[one] ?? one).replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '');
}
