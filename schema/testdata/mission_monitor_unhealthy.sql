-- Find unhealthy meters
SELECT 
    mr.serial,
    ms.health,
    ms.health_details,
    ms.updated_at
FROM meter_shadows ms
JOIN meter_registry mr ON ms.id = mr.id
WHERE ms.health = 'unhealthy'
ORDER BY ms.updated_at DESC;
