package flows

// TotalsBy is what energy is summed by.
type TotalsBy string

// What energy is summed by.
const (
	ByRegister TotalsBy = "register"
	ByESCO     TotalsBy = "esco"
	ByCircuit  TotalsBy = "circuit"
)

// AllTotals lists them.
var AllTotals = []TotalsBy{ByRegister, ByESCO, ByCircuit}

// TotalsQuery asks for the energy of local days.
type TotalsQuery struct {
	By       TotalsBy
	ESCO     string // code; "" = all
	Search   string // for ByRegister: part of the serial or the name
	From, To string // dates, the last one included
	Cursor   Cursor // for ByRegister; key: Total.Place
	Limit    int    // for ByRegister; 0 = none
}

// Total is energy with how complete it is: a sum without it says nothing.
type Total struct {
	Name      string    `json:"name"`    // serial, code of the ESCO, or name of the circuit
	Element   string    `json:"element"` // of a register
	ESCO      string    `json:"esco"`
	Kind      string    `json:"kind"`      // of a circuit
	Registers int       `json:"registers"` // that are summed
	Import    TotalSide `json:"import"`
	Export    TotalSide `json:"export"`
	Register  string    `json:"register_id,omitempty"`
	Now       string    `json:"-"` // serial of the meter whose register it is by now
}

// TotalSide is one direction of a total.
type TotalSide struct {
	Energy    Energy `json:"energy"`          // kWh, of the half-hours that are known
	Billable  Energy `json:"billable_energy"` // kWh, of those that may be billed
	Expected  int    `json:"expected"`        // half-hours
	Known     int    `json:"known"`
	Estimated int    `json:"estimated"` // of the known ones
}

// Place is where the total of a register is among all of them.
func (t Total) Place() string { return t.Element + "." + t.Register + "." + t.Now }
