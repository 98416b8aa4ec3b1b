package syncer

import "flows/emop"

// csq takes the signal quality.
func csq(r *run) {
	get(r, emop.CSQ, func(v emop.Signal) { r.result.Shadow.CSQ = ptr(int(v.CSQ)) })
}
