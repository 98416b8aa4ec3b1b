package syncer

import (
	"flows"
	"flows/emop"
)

// balance takes the prepayment balance, of meters in credit mode too.
func balance(r *run) {
	get(r, emop.PrepayBalance, func(v int32) { r.result.Shadow.Balance = ptr(flows.Money(v)) })
}
