-- What lists of many thousands of rows are read by, a page at a time.

-- +goose Up
create index vee_exceptions_order on flows.vee_exceptions (array_position(array['critical', 'error', 'warning', 'info'], severity), last_seen desc, id desc) where status = 'open';
create index register_day_gap_pages on flows.register_day (day desc, register_id desc, direction desc) where never_reached + not_logged + invalid > 0;

-- +goose Down
drop index flows.register_day_gap_pages, flows.vee_exceptions_order;
