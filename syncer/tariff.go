package syncer

import (
	"encoding/json"
	"fmt"
	"time"

	"flows"
	"flows/emop"
)

// tariff is a document of meter_shadows.tariffs_active or tariffs_future. Amounts are pounds with five places; what this hardware lacks is
// null.
type tariff struct {
	StandingCharge     *string         `json:"standing_charge"`
	ActivationDatetime *string         `json:"activation_datetime,omitempty"` // in the meter's own clock time
	UnitRateA          *string         `json:"unit_rate_element_a"`
	UnitRateB          *string         `json:"unit_rate_element_b"`
	ThresholdMask      map[string]bool `json:"threshold_mask"`
	ThresholdValues    map[string]int  `json:"threshold_values"`
	EmergencyCredit    *string         `json:"prepayment_emergency_credit"`
	EcreditAvailable   *string         `json:"prepayment_ecredit_availability"`
	DebtRecovery       *string         `json:"prepayment_debt_recovery_rate"`
}

// activeTariff has what is known of the tariff in force only.
type activeTariff struct {
	tariff
	BlockRate       *int `json:"block_rate"`
	ElementBTOURate *int `json:"element_b_tou_rate"`
}

var (
	futureUnitRateA = emop.FuturePrice.At(8, 1)
	futureUnitRateB = emop.FutureTOUPriceB.At(1)

	tariffsActiveWants = objects(emop.ActiveStandingCharge.Entry, emop.ActivePriceA.Entry, emop.ActivePriceB.Entry,
		emop.ActiveThresholdMask.Entry, emop.ActiveThresholds.Entry, emop.ActiveBlockRate.Entry, emop.ActiveTOURateB.Entry,
		emop.ActiveEmergencyCredit.Entry, emop.ActiveEcreditAvailability.Entry, emop.ActiveDebtRecovery.Entry)
	tariffsFutureWants = objects(emop.FutureStandingCharge.Entry, emop.FutureActivation.Entry, futureUnitRateA.Entry, futureUnitRateB.Entry,
		emop.FutureThresholdMask.Entry, emop.FutureThresholds.Entry,
		emop.FutureEmergencyCredit.Entry, emop.FutureEcreditAvailability.Entry, emop.FutureDebtRecovery.Entry)
)

func tariffsActive(r *run) {
	var t activeTariff
	get(r, emop.ActiveStandingCharge, amount(&t.StandingCharge))
	get(r, emop.ActivePriceA, amount(&t.UnitRateA))
	get(r, emop.ActivePriceB, amount(&t.UnitRateB))
	get(r, emop.ActiveThresholdMask, func(v emop.RateMask) { t.ThresholdMask = rates(v) })
	get(r, emop.ActiveThresholds, func(v [7]uint16) { t.ThresholdValues = thresholds(v) })
	get(r, emop.ActiveBlockRate, index(&t.BlockRate))
	get(r, emop.ActiveTOURateB, index(&t.ElementBTOURate))
	get(r, emop.ActiveEmergencyCredit, amount(&t.EmergencyCredit))
	get(r, emop.ActiveEcreditAvailability, amount(&t.EcreditAvailable))
	get(r, emop.ActiveDebtRecovery, amount(&t.DebtRecovery))
	r.document(&r.result.Shadow.TariffsActive, t)
}

func tariffsFuture(r *run) {
	var t tariff
	get(r, emop.FutureStandingCharge, amount(&t.StandingCharge))
	get(r, emop.FutureActivation, func(v time.Time) { t.ActivationDatetime = ptr(v.Format("2006-01-02T15:04:05")) })
	get(r, futureUnitRateA, amount(&t.UnitRateA))
	get(r, futureUnitRateB, amount(&t.UnitRateB))
	get(r, emop.FutureThresholdMask, func(v emop.RateMask) { t.ThresholdMask = rates(v) })
	get(r, emop.FutureThresholds, func(v [7]uint16) { t.ThresholdValues = thresholds(v) })
	get(r, emop.FutureEmergencyCredit, amount(&t.EmergencyCredit))
	get(r, emop.FutureEcreditAvailability, amount(&t.EcreditAvailable))
	get(r, emop.FutureDebtRecovery, amount(&t.DebtRecovery))
	r.document(&r.result.Shadow.TariffsFuture, t)
}

// document stores a tariff that was read whole. One with holes would put nulls over amounts that are known: the stored one stays.
func (r *run) document(to *json.RawMessage, t any) {
	if len(r.failed) > 0 || r.got == 0 {
		return
	}
	b, err := json.Marshal(t)
	if err != nil {
		r.fail("tariff", err)
		return
	}
	*to = b
}

func amount(to **string) func(uint32) {
	return func(v uint32) { *to = ptr(flows.Money(v).String()) }
}

func index(to **int) func(uint8) {
	return func(v uint8) { *to = ptr(int(v)) }
}

func rates(m emop.RateMask) map[string]bool {
	all := make(map[string]bool, 8)
	for i := 1; i <= 8; i++ {
		all[fmt.Sprintf("rate%d", i)] = m.Has(i)
	}
	return all
}

func thresholds(v [7]uint16) map[string]int {
	all := make(map[string]int, len(v))
	for i, n := range v {
		all[fmt.Sprintf("th%d", i+1)] = int(n)
	}
	return all
}
