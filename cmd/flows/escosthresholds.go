package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"flows/vee"
)

type escosThresholdsCmd struct {
	database
	Code  string   `arg:"" help:"The ESCO."`
	Set   []string `arg:"" optional:"" placeholder:"NAME=VALUE" help:"Thresholds to set."`
	Reset []string `placeholder:"NAME" help:"Take the default again."`
	JSON  bool     `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (escosThresholdsCmd) Help() string {
	return `Examples:
  flows escos thresholds EXAMPLE
  flows escos thresholds EXAMPLE voltage_high=254.5 zero_run=48h
  flows escos thresholds EXAMPLE --reset voltage_high

What validation of half-hours goes by for the meters of an ESCO. Times are like 20s or 12h, energies kWh, voltages volts. Half-hours judged
from now on are judged by the new ones; those that were judged before stay as they are.`
}

// limit is a threshold in force.
type limit struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Default string `json:"default"`
	From    string `json:"from"` // default, set, or what is wrong with what is set
}

// Run is kong's.
func (c *escosThresholdsCmd) Run(a *app) error {
	set, err := c.wanted()
	if err != nil {
		return err
	}
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	var stored json.RawMessage
	changes := len(set)+len(c.Reset) > 0
	if changes {
		stored, err = store.SetThresholds(a.ctx, c.Code, set, c.Reset)
	} else {
		stored, err = store.Thresholds(a.ctx, c.Code)
	}
	if err != nil {
		return userError(err)
	}
	all, err := limits(stored)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.stdout, all)
	}
	var rows [][]string
	for _, l := range all {
		rows = append(rows, []string{l.Name, dash(l.Value), dash(l.Default), l.From})
	}
	if err := table(a.stdout, []string{"THRESHOLD", "VALUE", "DEFAULT", "FROM"}, rows); err != nil || !changes {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, "\nHalf-hours judged from now on are judged by these; those that were judged before stay as they are.")
	return err
}

// wanted is what is to be set. What may be reset is not looked at: a name that does not exist any more can be stored too.
func (c *escosThresholdsCmd) wanted() (map[string]string, error) {
	set := map[string]string{}
	for _, text := range c.Set {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, usage("%q sets nothing: give NAME=VALUE", text)
		}
		if _, twice := set[name]; twice || slices.Contains(c.Reset, name) {
			return nil, usage("threshold %s comes twice", name)
		}
		set[name] = value
	}
	object, err := json.Marshal(set)
	if err == nil {
		_, err = vee.ParseThresholds(object)
	}
	if err != nil {
		return nil, usage("%w", err)
	}
	return set, nil
}

// limits are all thresholds as validation takes them, and behind them what is stored and means nothing.
func limits(stored json.RawMessage) (all []limit, err error) {
	set := map[string]json.RawMessage{}
	if err := json.Unmarshal(stored, &set); err != nil {
		return nil, fmt.Errorf("the thresholds that are stored are no JSON object: %w", err)
	}
	inForce, _ := vee.ParseThresholds(stored) // what is wrong is told of each
	defaults := vee.Defaults()
	for _, name := range slices.Concat(vee.ThresholdNames(), slices.Sorted(maps.Keys(set))) {
		if slices.ContainsFunc(all, func(l limit) bool { return l.Name == name }) {
			continue
		}
		l := limit{name, thresholdText(inForce, name), thresholdText(defaults, name), "default"}
		if value, ok := set[name]; ok {
			l.From = "set"
			one, err := json.Marshal(map[string]json.RawMessage{name: value})
			if err == nil {
				_, err = vee.ParseThresholds(one)
			}
			if err != nil {
				l.From = "default, since " + err.Error()
			}
		}
		all = append(all, l)
	}
	return all, nil
}

// thresholdText is a threshold as it can be given: the field is called as the name is.
func thresholdText(t vee.Thresholds, name string) string {
	f := reflect.ValueOf(t).FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, strings.ReplaceAll(name, "_", "")) })
	if !f.IsValid() {
		return ""
	}
	text := fmt.Sprint(f.Interface())
	if _, ok := f.Interface().(time.Duration); ok {
		if short, found := strings.CutSuffix(text, "m0s"); found {
			text = short + "m"
		}
		if short, found := strings.CutSuffix(text, "h0m"); found {
			text = short + "h"
		}
	}
	return text
}
