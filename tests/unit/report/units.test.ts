import { describe, expect, it } from 'vitest';
import {
  errorText,
  figureText,
  launchList,
  shareText,
  timeText,
  timeUnit,
} from '../../../sim/report/units.ts';

describe('times for people', () => {
  it.each([
    [0, '0 ns'],
    [7, '7.00 ns'],
    [999, '999 ns'],
    [1000, '1.00 µs'],
    [12_345, '12.3 µs'],
    [1_320_000, '1.32 ms'],
    [-250, '-250 ns'],
    [3.2e9, '3.20 s'],
  ])('%d ns is %s', (ns, text) => expect(timeText(ns)).toBe(text));

  it('an axis gets the largest unit that leaves it at least ten', () => {
    expect(timeUnit(9_999)).toMatchObject({ name: 'ns' });
    expect(timeUnit(10_000)).toMatchObject({ name: 'µs' });
    expect(timeUnit(10_000_000)).toMatchObject({ name: 'ms' });
  });
});

describe('figures for people', () => {
  it('an unknown figure is a dash, never a zero', () => {
    expect(figureText(null, 'ns')).toBe('\u2013');
    expect(figureText(0, 'share')).toBe('0.0 %');
  });

  it('work conservation loss is processor time', () => {
    expect(figureText(1_590_000, 'processor-ns')).toBe('1.59 processor-ms');
  });

  it('errors have a sign unless they round to nothing', () => {
    expect(errorText(0.041)).toBe('+4.1 %');
    expect(errorText(-0.5)).toBe('\u221250.0 %');
    expect(errorText(-0.0001)).toBe('0.0 %');
  });

  it('shares are percentages', () => expect(shareText(0.4123)).toBe('41.2 %'));
});

describe('launches in few words', () => {
  it.each([
    [[], ''],
    [[3], '3'],
    [[1, 2], '1, 2'],
    [[0, 1, 2, 5, 7, 8, 9, 10], '0 to 2, 5, 7 to 10'],
  ])('%j', (launches, text) => expect(launchList(launches)).toBe(text));
});
