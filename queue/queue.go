// Package queue runs the schedule: it makes a run of every tick once, a job of every due meter, and works the jobs, in any number of
// processes on any number of machines.
//
// It uses River, a queue in PostgreSQL: a job and the rows it is about are committed together, a killed worker's jobs are rescued, and
// there is nothing else to install and to watch.
package queue
