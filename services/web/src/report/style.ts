/** The style of a report, on a screen and on paper. */
export const STYLE = `
:root { color: #1c2127; background: #fff; font: 14px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 800px; margin: 0 auto; padding: 24px 16px; }
h1 { font-size: 24px; overflow-wrap: anywhere; }
h2 { margin-top: 24px; border-bottom: 1px solid #d7d8d3; font-size: 18px; }
h3 { font-size: 14px; }
figure { margin: 16px 0; break-inside: avoid; }
img { display: block; max-width: 100%; }
figcaption { color: #565f69; font-size: 12px; }
table { border-collapse: collapse; }
th, td { padding: 2px 16px 2px 0; overflow-wrap: anywhere; text-align: left; vertical-align: top; }
th { font-weight: 500; }
tr { break-inside: avoid; }
@page { margin: 16mm; }
@media print { main { max-width: none; padding: 0; } h2, h3 { break-after: avoid; } }
`;
