"""The pages' addresses."""

from django.urls import path

from batches import result_views, views

app_name = "batches"
urlpatterns = [
    path("", views.form, name="form"),
    path("count/", views.count, name="count"),
    path("batches/", views.batch_list, name="list"),
    path("batches/<uuid:session_id>/", views.detail, name="detail"),
    path("batches/<uuid:session_id>/results/<int:index>/", result_views.combination, name="combination"),
    path("batches/<uuid:session_id>/spread/", result_views.spread, name="spread"),
    path("batches/<uuid:session_id>/<str:action>", views.act, name="act"),
]
