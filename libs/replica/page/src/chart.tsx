import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { SPAN_MS } from './connection.js';

/** As the styles have it, in units of the font's size. */
const HEIGHT = 14;

/** The shortest time that a chart spans, in seconds. It grows with the history. */
const LEAST_S = 120;

export interface Series {
  readonly name: string;
  /** The number of its colour. */
  readonly colour: number;
  /** One value for each time; `null` where nothing is known. */
  readonly values: readonly (number | null)[];
  /** What to draw, if it is not the value itself. */
  readonly drawn?: readonly (number | null)[];
}

interface Props {
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** What the chart shows, in a sentence, for those who do not see it. */
  readonly label: string;
  readonly format: (value: number) => string;
  readonly isFilled: boolean;
  /** The upper end of the scale, at least. */
  readonly top: number;
}

/** Lines over the last 15 minutes, with a legend that tells the values below the pointer, else the newest. */
export function Chart(props: Props): VNode {
  const { times, series, label, format } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const theme = useTheme();
  // Another set of lines needs another plot.
  const shape = `${theme} ${series.map(({ name, colour }) => `${name} ${colour}`).join()}`;

  useEffect(() => {
    const element = place.current as HTMLDivElement;
    const made = new uPlot(optionsOf(props, element, setPointed), dataOf(times, series), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize(sizeOf(element)));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(dataOf(times, series)), [times.at(-1), times.length]);

  const shown = pointed ?? times.length - 1;
  return (
    <>
      <ul class="legend">
        {series.map(({ name, colour, values }) => (
          <li key={name}>
            <i class="swatch" data-series={colour} /> {name} <strong>{valueAt(values[shown], format)}</strong>
          </li>
        ))}
      </ul>
      <div ref={place} class="plot" role="img" aria-label={label} />
    </>
  );
}

function valueAt(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? '–' : format(value);
}

function dataOf(times: readonly number[], series: readonly Series[]): uPlot.AlignedData {
  return [[...times], ...series.map(({ values, drawn }) => [...(drawn ?? values)])];
}

/** Lines differ by their dashes, too, for those who cannot tell the colours apart. */
const DASHES = [[], [], [6, 3], [2, 3], [10, 3, 2, 3], [4, 2]];

function optionsOf(
  { series, format, isFilled, top }: Props,
  element: HTMLElement,
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(element);
  const fontSize = parseFloat(style.fontSize);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: colour('--muted'),
    font: `${0.8 * fontSize}px ${style.fontFamily}`,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    ...sizeOf(element),
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false }, points: { size: 7 } },
    padding: [12, 8, 0, 0],
    scales: {
      x: { range: (_, min, max) => [Math.max(max - SPAN_MS / 1_000, Math.min(min, max - LEAST_S)), max] },
      y: { range: (_, __, max) => [0, isFilled ? top : Math.max(top, (max ?? 0) * 1.1)] },
    },
    axes: [
      // Whole minutes alone: labels have no seconds.
      {
        ...axis,
        grid: { show: false },
        incrs: [60, 120, 300],
        values: (_, ticks) => ticks.map((tick) => minuteOf(tick)),
      },
      { ...axis, size: 3.7 * fontSize, values: (_, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      {},
      ...series.map(({ name, colour: number }) => ({
        label: name,
        // Areas are separated by a line of the ground's colour.
        stroke: colour(isFilled ? '--surface' : `--series-${number}`),
        width: isFilled ? 1 : 1.75,
        dash: isFilled ? [] : DASHES[number],
        ...(isFilled && { fill: colour(`--series-${number}`) }),
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] },
  };
}

function sizeOf(element: HTMLElement): { width: number; height: number } {
  return { width: element.clientWidth, height: HEIGHT * parseFloat(getComputedStyle(element).fontSize) };
}

function minuteOf(seconds: number): string {
  return new Date(seconds * 1_000).toTimeString().slice(0, 5);
}

/** `dark` or `light`, as the viewer's system says. */
function useTheme(): string {
  const query = matchMedia('(prefers-color-scheme: dark)');
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const listener = (): void => setDark(query.matches);
    query.addEventListener('change', listener);
    return () => query.removeEventListener('change', listener);
  }, []);
  return isDark ? 'dark' : 'light';
}
