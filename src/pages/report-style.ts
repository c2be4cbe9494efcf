/** The style of reports: dark on white, on screen as on paper; logical properties throughout (Arabic runs from right to left). */
export const reportStyle = `
@page { size: A4 landscape; margin: 14mm; }
* { box-sizing: border-box; }
html {
  font: 100%/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans Arabic', Arial, sans-serif;
  color: #14232a; background: #ffffff;
}
html:lang(ar) { font-family: 'Noto Sans Arabic', 'Segoe UI', Tahoma, 'Geeza Pro', system-ui, sans-serif; line-height: 1.7; }
body { margin: 0; overflow-wrap: anywhere; }
main { max-inline-size: 72rem; margin: 0 auto; padding: 1.5rem 1rem; }
h1 { margin: 0 0 1rem; font-size: 1.6rem; line-height: 1.3; }
h2 { margin: 1.75rem 0 0.5rem; font-size: 1.15rem; break-after: avoid; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); gap: 0.75rem 1.5rem; margin: 0; }
dt { color: #4b5d66; font-size: 0.875rem; }
dd { margin: 0; font-weight: 600; }
table { border-collapse: collapse; inline-size: 100%; font-size: 0.875rem; }
th, td { text-align: start; vertical-align: top; padding: 0.4rem 0.6rem; border-block-end: 1px solid #d5dee1; min-inline-size: 4.5rem; overflow-wrap: break-word; }
th { background: #eef2f3; border-block-end-color: #768890; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
ul { margin: 0; padding-inline-start: 1.1rem; }
.scroll { overflow-x: auto; }
td .code { overflow-wrap: anywhere; }
.code { font-family: ui-monospace, 'Liberation Mono', Menlo, monospace; font-size: 0.95em; }
.quiet { color: #4b5d66; font-size: 0.875rem; }
.warning { border-inline-start: 0.3rem solid #a3211a; background: #fdf1ef; padding: 0.6rem 0.9rem; font-weight: 600; }
.draft { border: 2px dashed #a3211a; padding: 1rem 1.25rem; break-before: page; }
.draft h3 { margin: 1.1rem 0 0.3rem; font-size: 1rem; }
.draft p { margin: 0.3rem 0; }
@media print {
  html { font-size: 80%; }
  main { max-inline-size: none; padding: 0; }
  .scroll { overflow: visible; }
}
`;
