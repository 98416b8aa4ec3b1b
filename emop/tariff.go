package emop

import "time"

// price is the unit of every amount of money on the wire.
const price = "1/100000 GBP"

// The tariff in force.
var (
	ActiveStandingCharge      = Object[uint32]{Entry{"active_standing_charge", 0xffff22, SinglePhase, price, Documented, "standing charge"}, u32}
	ActiveThresholdMask       = Object[RateMask]{Entry{"active_threshold_mask", 0xffff20, SinglePhase, "", Captured, "rates with a threshold"}, rateMask}
	ActiveThresholds          = Object[[7]uint16]{Entry{"active_thresholds", 0xffff1e, SinglePhase, "", Documented, "threshold values 1..7"}, thresholds}
	ActivePrice               = Family{Entry{"active_price", 0xfff901, SinglePhase, price, Documented, "pricing table"}, blockRate}
	ActiveTOUPriceB           = Family{Entry{"active_tou_price_b", 0xfff701, SinglePhase, price, Documented, "time-of-use prices of element B"}, rate}
	ActivePriceA              = Object[uint32]{Entry{"active_price_a", 0xffff2e, SinglePhase, price, Captured, "price now, element A"}, u32}
	ActivePriceB              = Object[uint32]{Entry{"active_price_b", 0xffff4d, SinglePhase, price, Documented, "price now, element B"}, u32}
	ActiveBlockRate           = Object[uint8]{Entry{"active_block_rate", 0xffff2c, SinglePhase, "", Documented, "block now, an index"}, u8}
	ActiveTOURateA            = Object[uint8]{Entry{"active_tou_rate_a", 0xffff2b, SinglePhase, "", Documented, "time-of-use rate now, element A, an index"}, u8}
	ActiveTOURateB            = Object[uint8]{Entry{"active_tou_rate_b", 0xffff4b, SinglePhase, "", Documented, "time-of-use rate now, element B, an index"}, u8}
	ActivePriceIndexA         = Object[uint8]{Entry{"active_price_index_a", 0xffff2d, SinglePhase, "", Documented, "price now, element A, an index"}, u8}
	ActivePriceIndexB         = Object[uint8]{Entry{"active_price_index_b", 0xffff4c, SinglePhase, "", Documented, "price now, element B, an index"}, u8}
	ActiveTOUFlag             = Object[uint8]{Entry{"active_tou_flag", 0xffff4e, SinglePhase, "", Documented, "time-of-use in force"}, u8}
	ActiveEmergencyCredit     = Object[uint32]{Entry{"active_emergency_credit", 0xffc805, SinglePhase, price, Documented, "emergency credit"}, u32}
	ActiveEcreditAvailability = Object[uint32]{Entry{"active_ecredit_availability", 0xffc806, SinglePhase, price, Documented, "emergency credit availability"}, u32}
	ActiveDebtRecovery        = Object[uint32]{Entry{"active_debt_recovery", 0xffc807, SinglePhase, price, Documented, "debt recovery rate"}, u32}
	ActiveGas                 = Object[uint32]{Entry{"active_gas", 0xffc964, SinglePhase, price, Documented, "gas price"}, u32}
)

// The tariff to come.
var (
	FutureStandingCharge      = Object[uint32]{Entry{"future_standing_charge", 0xffff23, SinglePhase, price, Documented, "standing charge"}, u32}
	FutureThresholdMask       = Object[RateMask]{Entry{"future_threshold_mask", 0xffff21, SinglePhase, "", Documented, "rates with a threshold"}, rateMask}
	FutureThresholds          = Object[[7]uint16]{Entry{"future_thresholds", 0xffff1f, SinglePhase, "", Documented, "threshold values 1..7"}, thresholds}
	FutureTOUFlag             = Object[uint8]{Entry{"future_tou_flag", 0xffff4f, SinglePhase, "", Documented, "time-of-use in force"}, u8}
	FutureActivation          = Object[time.Time]{Entry{"future_activation", 0xffff24, SinglePhase, "meter's clock time", Documented, "when it comes into force; in summer time when daylight_savings is on"}, timestamp}
	FuturePrice               = Family{Entry{"future_price", 0xfff801, SinglePhase, price, Documented, "pricing table"}, blockRate}
	FutureTOUPriceB           = Family{Entry{"future_tou_price_b", 0xfff601, SinglePhase, price, Documented, "time-of-use prices of element B"}, rate}
	FutureEmergencyCredit     = Object[uint32]{Entry{"future_emergency_credit", 0xffc808, SinglePhase, price, Documented, "emergency credit"}, u32}
	FutureEcreditAvailability = Object[uint32]{Entry{"future_ecredit_availability", 0xffc809, SinglePhase, price, Documented, "emergency credit availability"}, u32}
	FutureDebtRecovery        = Object[uint32]{Entry{"future_debt_recovery", 0xffc80a, SinglePhase, price, Documented, "debt recovery rate"}, u32}
	FutureGas                 = Object[uint32]{Entry{"future_gas", 0xffc965, SinglePhase, price, Documented, "gas price"}, u32}
)
